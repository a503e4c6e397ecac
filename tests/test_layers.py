"""The house rules of the source, read from its syntax: who may import whom, and what is banned."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import inspector

ROOT = Path(inspector.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LONGEST = 350

# Which parts of the house each part may import, besides itself. `errors`, `tasks` and `clock` are
# open to all; `values` and `settings`, `forwarding`, `tunnelling`, `offline`, `demo`, `runtime` and
# `relay` put parts together.
OPEN = {"errors", "tasks", "clock", "", "__main__"}
PURE = {"domain", "providers"}
MAY_IMPORT = {
    "domain": set(),
    "providers": {"domain"},
    "store": PURE,
    "forward": PURE,
    "client": PURE,
    "account": PURE,
    "tunnel": PURE,
    "server": {*PURE, "store", "forward", "tunnel"},
    "tui": {*PURE, "client"},
    "web": PURE,
    "values": PURE,
    "settings": {*PURE, "values"},
    "forwarding": {*PURE, "store", "forward", "settings"},
    "offline": {*PURE, "store", "forward", "forwarding", "settings"},
    "tunnelling": {*PURE, "store", "tunnel", "server", "settings"},
    "runtime": {*PURE, "store", "forward", "server", "forwarding", "tunnelling", "settings"},
    "relay": {*PURE, "store", "tunnel", "server", "settings"},
    "doctor": {*PURE, "store", "forward", "tunnel", "server", "runtime", "tunnelling", "settings"},
    "demo": {*PURE, "forward", "runtime", "settings"},
}
AT_THE_TOP = {"cli", "__main__"}

# Libraries that belong to some parts alone.
ONLY_IN = {
    "textual": {"tui"},
    "textual_serve": {"web"},
    "sqlite3": {"store"},
    "websockets": {"client", "tunnel"},
    "h11": {"forward"},
    "keyring": {"store"},
    "click": {"cli"},
    "uvloop": {"cli"},
    "prometheus_client": {"server"},
}
# What the pure core may use of the standard library's way to the outside.
NOT_PURE = {
    "asyncio", "socket", "ssl", "sqlite3", "threading", "subprocess", "time", "random", "secrets",
    "os", "pathlib", "logging", "http", "urllib.request", "aiohttp", "h11", "textual", "websockets",
    "click", "platformdirs", "uvloop", "signal", "select", "selectors", "multiprocessing", "shutil",
    "tempfile",
}  # fmt: skip


def part(path: Path) -> str:
    """The part of the house that a file belongs to."""
    inside = path.relative_to(ROOT).parts
    name = inside[0] if len(inside) > 1 else inside[0].removesuffix(".py")
    return "" if name == "__init__" else name


@cache
def text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(text(path))))


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """What a file calls, as it stands there, and where."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), f"{named(path)}:{node.lineno}"


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its full name."""
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def parts_imported(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imported(path) if name.startswith("inspector.")}
    # `from inspector import __version__` is a name of the package, not a part.
    return {name for name in names if not name.startswith("__")}


@cache
def libraries(path: Path) -> set[str]:
    found = set()
    for name in imported(path):
        steps = name.split(".")
        found |= {".".join(steps[:count]) for count in range(1, len(steps) + 1)}
    return found


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_parts_import_downwards_only() -> None:
    for module in MODULES:
        own = part(module)
        if own in AT_THE_TOP or own in OPEN:
            continue
        assert own in MAY_IMPORT, f"say in this test what {own} may import"
        assert parts_imported(module) <= MAY_IMPORT[own] | OPEN | {own}, named(module)


def test_what_everybody_imports_imports_nobody() -> None:
    for module in MODULES:
        if part(module) in OPEN - {"__main__"}:
            assert not parts_imported(module), named(module)


def test_libraries_stay_where_they_belong() -> None:
    for module in MODULES:
        for library, parts in ONLY_IN.items():
            if library in libraries(module):
                assert part(module) in parts, f"{named(module)}: {library} belongs to {parts}"


def test_the_core_is_pure() -> None:
    for module in MODULES:
        if part(module) in PURE:
            assert not libraries(module) & NOT_PURE, named(module)


def test_aiohttp_is_the_servers() -> None:
    """And of what stands beside it: clients, the relay, the UI in a browser, the sample app."""
    whose = {"server", "client", "account", "tunnel", "web", "demo", "relay"}
    for module in MODULES:
        if "aiohttp" in libraries(module):
            assert part(module) in whose, named(module)


def test_every_task_has_an_owner() -> None:
    """Tasks are started by `Tasks` alone, so that each has a name and is stopped."""
    for module in MODULES:
        if named(module) == "tasks.py":
            continue
        for called, where in calls(module):
            last = called.rpartition(".")[2]
            assert last not in {"create_task", "ensure_future"}, f"{where}: use Tasks"


def test_no_module_is_too_long() -> None:
    for module in MODULES:
        assert len(text(module).splitlines()) <= LONGEST, named(module)


def test_only_the_command_line_prints_and_exits() -> None:
    banned = {"print", "sys.exit", "os._exit", "exit", "quit"}
    for module in MODULES:
        if part(module) not in AT_THE_TOP:
            for called, where in calls(module):
                assert called not in banned, where


def test_every_module_says_what_it_is_for() -> None:
    for module in MODULES:
        assert not text(module) or ast.get_docstring(ast.parse(text(module))), named(module)
