"""The house rules of the source, read from its syntax: who may import whom, and what is banned."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import inspector

ROOT = Path(inspector.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
LONGEST = 350

# Which parts of the house each part may import, besides itself. `errors`, `tasks` and `clock` are
# open to all; `settings`, `forwarding`, `tunnelling`, `offline`, `demo`, `runtime` and `relay` put
# parts together.
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
    "settings": PURE,
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


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its full name."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def parts_imported(path: Path) -> set[str]:
    names = {name.split(".")[1] for name in imported(path) if name.startswith("inspector.")}
    # `from inspector import __version__` is a name of the package, not a part.
    return {name for name in names if not name.startswith("__")}


def libraries(path: Path) -> set[str]:
    found = set()
    for name in imported(path):
        steps = name.split(".")
        found |= {".".join(steps[:count]) for count in range(1, len(steps) + 1)}
    return found


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.fixture(params=MODULES, ids=named)
def module(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_parts_import_downwards_only(module: Path) -> None:
    own = part(module)
    if own in AT_THE_TOP or own in OPEN:
        return
    assert own in MAY_IMPORT, f"say in this test what {own} may import"
    assert parts_imported(module) <= MAY_IMPORT[own] | OPEN | {own}


def test_what_everybody_imports_imports_nobody(module: Path) -> None:
    if part(module) in OPEN - {"__main__"}:
        assert not parts_imported(module)


def test_libraries_stay_where_they_belong(module: Path) -> None:
    used = libraries(module)
    for library, parts in ONLY_IN.items():
        if library in used:
            assert part(module) in parts, f"{library} belongs to {parts}"


def test_the_core_is_pure(module: Path) -> None:
    if part(module) in PURE:
        assert not libraries(module) & NOT_PURE


def test_aiohttp_is_the_servers(module: Path) -> None:
    """And of what stands beside it: clients, the relay, the UI in a browser, the sample app."""
    if "aiohttp" in libraries(module):
        assert part(module) in {"server", "client", "account", "tunnel", "web", "demo", "relay"}


def test_every_task_has_an_owner(module: Path) -> None:
    """Tasks are started by `Tasks` alone, so that each has a name and is stopped."""
    if named(module) == "tasks.py":
        return
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            where = f"{named(module)}:{node.lineno}"
            assert called not in {"create_task", "ensure_future"}, f"{where}: use Tasks"


def test_no_module_is_too_long(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= LONGEST


def test_only_the_command_line_prints_and_exits(module: Path) -> None:
    if part(module) in AT_THE_TOP:
        return
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            where = f"{named(module)}:{node.lineno}"
            assert called not in {"print", "sys.exit", "os._exit", "exit", "quit"}, where


def test_every_module_says_what_it_is_for(module: Path) -> None:
    text = module.read_text("utf-8")
    assert not text or ast.get_docstring(ast.parse(text))
