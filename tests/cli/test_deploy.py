"""What lies under fixtures/deploy: each file is read by the program that it is for."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from inspector.settings import RELAY_PREFIX, RelaySettings
from tests.helpers.listener import PATIENCE
from tests.helpers.proxy import Nginx
from tests.helpers.readme import README, with_table
from tests.metrics import table

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "fixtures" / "deploy"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*arguments: str | Path) -> tuple[int, str]:
    done = subprocess.run(
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def test_systemd_accepts_the_unit_and_finds_it_closed(tmp_path: Path) -> None:
    analyze = program("systemd-analyze")
    unit = tmp_path / "inspector-relay.service"
    text = (DEPLOY / "inspector-relay.service").read_text("utf-8")
    unit.write_text(text.replace("/opt/inspector/bin/inspector relay", "/bin/true"), "utf-8")
    assert run(analyze, "verify", "--man=no", unit) == (0, "")
    # Of 100, the less the better; 30 is "OK".
    code, said = run(analyze, "security", "--offline=yes", "--threshold=30", unit)
    assert code == 0, said


def test_nginx_accepts_the_recipe(tmp_path: Path) -> None:
    program("nginx")
    Nginx(tmp_path, DEPLOY / "nginx.conf", 8400).check()


def test_caddy_accepts_the_recipe() -> None:
    caddy = program("caddy")
    recipe = DEPLOY / "Caddyfile"
    code, said = run(caddy, "validate", "--adapter", "caddyfile", "--config", recipe)
    assert code == 0, said


def test_the_image_copies_what_there_is_and_what_the_build_needs() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.M)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (TOP / source).exists(), source
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert needed <= {source.removeprefix("./") for source in copied}


def test_the_readme_shows_the_recipe_as_it_is() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    shown = readme.partition("<!-- nginx -->")[2].partition("<!-- /nginx -->")[0]
    lines = [line.strip() for line in shown.splitlines() if line.startswith("    ")]
    recipe = [line.strip() for line in (DEPLOY / "nginx.conf").read_text("utf-8").splitlines()]
    assert len(lines) > 10
    assert set(lines) <= set(recipe)


def test_the_readme_names_every_metric() -> None:
    readme = README.read_text("utf-8")
    assert with_table(readme, "metrics", table()) == readme, "run `python -m tests.metrics`"


@pytest.mark.parametrize("name", ["Dockerfile", "inspector-relay.service"])
def test_variables_that_are_set_are_settings(name: str) -> None:
    text = (DEPLOY / name).read_text("utf-8")
    known = {RELAY_PREFIX + field.upper() for field in RelaySettings.model_fields}
    used = set(re.findall(rf"\b{RELAY_PREFIX}[A-Z_]+", text))
    assert used
    assert used <= known
