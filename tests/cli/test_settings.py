"""Where settings come from, what they may say, and what an error tells of them."""

from pathlib import Path

import platformdirs
import pytest

from inspector.errors import ConfigurationError, InspectorError, UsageError
from inspector.settings import Settings, default_database, load, load_relay

SECRET = "whsec_do_not_print_me"


@pytest.fixture(autouse=True)
def own_user_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "user-config"
    folder.mkdir()
    monkeypatch.setattr(platformdirs, "user_config_dir", lambda *_, **__: str(folder))
    return folder / "config.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_defaults_are_the_contract_s(project: Path) -> None:
    settings = load({}, {}, project)
    assert settings == Settings()
    assert (settings.host, settings.port, settings.ack, settings.status) == (
        "127.0.0.1", 8400, "stored", 200,
    )  # fmt: skip
    assert (settings.timeout, settings.retry, settings.max_connections) == (30, 300, 1)
    assert (settings.max_body, settings.max_in_flight) == (25 << 20, 64 << 20)
    assert (settings.keep, settings.max_size) == (30 * 86400, 2 << 30)
    assert settings.db == default_database()


def test_flags_win_over_environment_over_project_over_user(
    project: Path, own_user_config: Path
) -> None:
    layers = ["user", "project", "environment", "flags"]
    own_user_config.write_text('host = "user"')
    assert load({}, {}, project).host == layers.pop(0)
    (project / "inspector.toml").write_text('host = "project"')
    assert load({}, {}, project).host == layers.pop(0)
    told = {"INSPECTOR_HOST": "environment"}
    assert load({}, told, project).host == layers.pop(0)
    assert load({"host": "flags"}, told, project).host == layers.pop(0)


@pytest.mark.parametrize("nothing", [None, (), False])
def test_a_flag_that_was_not_given_does_not_count(nothing: object, project: Path) -> None:
    (project / "inspector.toml").write_text("insecure = true\nforward_to = ['3000']\nport = 1")
    flags = {"insecure": nothing, "forward_to": nothing, "port": nothing}
    settings = load(flags, {}, project)
    assert (settings.insecure, settings.forward_to, settings.port) == (True, ["3000"], 1)


def test_port_0_is_given(project: Path) -> None:
    assert load({"port": 0}, {"INSPECTOR_PORT": "9"}, project).port == 0


def test_names_in_files_may_be_spelled_with_hyphens(project: Path) -> None:
    (project / "inspector.toml").write_text('max-body = "1mb"\nforward-to = "3000"')
    settings = load({}, {}, project)
    assert (settings.max_body, settings.forward_to) == (1 << 20, ["3000"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("90", 90), ("1.5", 1.5), ("2s", 2), ("3m", 180), ("2h", 7200), ("30d", 2592000),
     ("1w", 604800)],
)  # fmt: skip
def test_times_have_units(text: str, expected: float, project: Path) -> None:
    assert load({"timeout": text}, {}, project).timeout == expected


@pytest.mark.parametrize("bare", ["30", "30.0", "1e3", 30, 30.0])
def test_how_long_deliveries_stay_needs_a_unit(bare: object, project: Path) -> None:
    for flags, told in (({"keep": bare}, {}), ({}, {"INSPECTOR_KEEP": str(bare)})):
        with pytest.raises(InspectorError, match=r"unit|time") as caught:
            load(flags, told, project)
        assert "30d, 12h, 90s" in caught.value.hint
    (project / "inspector.toml").write_text(f"keep = {bare}")
    with pytest.raises(ConfigurationError, match="keep: a unit is missing"):
        load({}, {}, project)
    with pytest.raises(UsageError, match="--keep"):
        load_relay({"keep": bare}, {})


@pytest.mark.parametrize("nothing", ["0", "0s", 0, 0.0])
def test_nothing_is_for_ever_and_needs_none(nothing: object, project: Path) -> None:
    assert load({"keep": nothing}, {}, project).keep == 0


@pytest.mark.parametrize("keep", ["0", "90s", "30d", "0.5s"])
def test_a_listener_in_its_own_process_is_told_the_same(keep: str, project: Path) -> None:
    settings = load({"keep": keep, "max_size": "1mb"}, {}, project)
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("size", ["1", "2k", "1023kb"])
def test_a_store_of_next_to_nothing_is_refused(size: str, project: Path) -> None:
    with pytest.raises(UsageError, match="--max-size") as caught:
        load({"max_size": size}, {}, project)
    assert "1mb" in caught.value.hint


def test_a_port_in_a_file_may_be_a_number(project: Path) -> None:
    for text in ("[3000]", "3000", '"3000"'):
        (project / "inspector.toml").write_text(f"forward_to = {text}")
        assert load({}, {}, project).forward_to == ["3000"]


@pytest.mark.parametrize(("name", "bad"), [("forward_to", "ftp://x"), ("header", "nothing")])
def test_a_mistake_in_a_file_is_one_of_the_configuration(
    name: str, bad: str, project: Path
) -> None:
    with pytest.raises(UsageError):
        load({name: (bad,)}, {}, project)
    (project / "inspector.toml").write_text(f'{name} = ["{bad}"]')
    with pytest.raises(ConfigurationError, match=f"inspector.toml: {name}: ") as caught:
        load({}, {}, project)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1", 1), ("10b", 10), ("2k", 2048), ("2kb", 2048), ("2 KiB", 2048), ("25mb", 25 << 20),
     ("1.5MB", 3 << 19), ("2GiB", 2 << 30), ("2g", 2 << 30)],
)  # fmt: skip
def test_sizes_have_units(text: str, expected: int, project: Path) -> None:
    assert load({"max_body": text}, {}, project).max_body == expected


def test_a_list_in_the_environment_has_commas(project: Path) -> None:
    told = {"INSPECTOR_EVENTS": "delta.*, fact.* ,", "INSPECTOR_SECRET": " one,two"}
    settings = load({}, told, project)
    assert settings.events == ["delta.*", "fact.*"]
    assert settings.secret == ["one", "two"]


def test_headers_in_the_environment_have_lines(project: Path) -> None:
    told = {"INSPECTOR_HEADER": "Accept: text/html, */*\n  X-One: 1\n\n"}
    assert load({}, told, project).header == ["Accept: text/html, */*", "X-One: 1"]


def test_the_store_s_path_is_whole_whatever_was_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project))
    monkeypatch.chdir(project)
    (project / "inspector.toml").write_text('db = "~/hooks.db"')
    assert load({}, {}, project).db == project / "hooks.db"
    assert load({"db": Path("here.db")}, {}, project).db == project / "here.db"
    assert load_relay({}, {"INSPECTOR_RELAY_DB": "~/relay.db"}).db == project / "relay.db"
    monkeypatch.setenv("XDG_DATA_HOME", "data")
    assert load_relay({}, {}).db.is_absolute()
    with pytest.raises(UsageError, match=r"^--db: "):
        load({"db": Path("~nobody-at-all/hooks.db")}, {}, project)


@pytest.mark.parametrize("name", ["host", "health_host"])
@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_host_is_not_every_interface(name: str, empty: str, project: Path) -> None:
    with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')}: .*0\\.0\\.0\\.0"):
        load_relay({name: empty}, {})
    if name == "host":
        with pytest.raises(UsageError, match=r"^--host: "):
            load({name: empty}, {}, project)


def test_a_secret_may_be_a_reference(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    (project / "inspector.toml").write_text('secret = ["env:HOOK_SECRET"]')
    assert load({}, {}, project).secrets() == [SECRET]


@pytest.mark.parametrize("value", [None, ""])
def test_a_reference_to_nothing_is_told_to_who_needs_the_secret(
    value: str | None, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_VARIABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_SUCH_VARIABLE", value)
    reference = "env:NO_SUCH_VARIABLE"
    settings = load({"secret": (reference,)}, {"INSPECTOR_RELAY_TOKEN": reference}, project)
    with pytest.raises(ConfigurationError, match=r"^secret: .* NO_SUCH_VARIABLE"):
        settings.secrets()
    with pytest.raises(ConfigurationError, match=r"^relay_token: .* NO_SUCH_VARIABLE"):
        settings.token()


@pytest.mark.parametrize("name", ["dashboard_url", "dashboard-url", "balance_url"])
def test_a_project_does_not_say_where_the_account_s_token_goes(
    name: str, project: Path, own_user_config: Path
) -> None:
    line = f'{name} = "https://attacker.example"'
    (project / "inspector.toml").write_text(line)
    with pytest.raises(ConfigurationError) as caught:
        load({}, {}, project)
    assert f"inspector.toml: {name}: " in caught.value.message
    assert str(own_user_config) in caught.value.hint
    (project / "inspector.toml").unlink()
    own_user_config.write_text(line)
    assert getattr(load({}, {}, project), name.replace("-", "_")) == "https://attacker.example"


def test_a_project_sends_no_variable_away_but_our_own(
    project: Path, own_user_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("INSPECTOR_SHOP_TOKEN", "itun_x")
    (project / "inspector.toml").write_text('relay-token = "env:AWS_SECRET_ACCESS_KEY"')
    with pytest.raises(ConfigurationError) as caught:
        load({}, {}, project)
    assert "inspector.toml: relay-token: " in caught.value.message
    assert "INSPECTOR_" in caught.value.message + caught.value.hint
    assert SECRET not in caught.value.message + caught.value.hint
    (project / "inspector.toml").write_text('relay-token = "env:INSPECTOR_SHOP_TOKEN"')
    assert load({}, {}, project).token() == "itun_x"
    (project / "inspector.toml").unlink()
    own_user_config.write_text('relay-token = "env:AWS_SECRET_ACCESS_KEY"')
    assert load({}, {}, project).token() == SECRET


def test_secrets_are_not_shown_by_repr(project: Path) -> None:
    assert SECRET not in repr(load({"secret": (SECRET,)}, {}, project))


@pytest.mark.parametrize(
    ("name", "bad"),
    [("port", "whsec_x"), ("port", "70000"), ("timeout", "soon"), ("timeout", "-1"),
     ("max_body", "-7"), ("max_body", "many"), ("status", "17"), ("max_connections", "0"),
     ("keep", "1y"), ("insecure", "perhaps"), ("retry", "inf"), ("keep", "nan"),
     ("timeout", "1e99"), ("keep", "9" * 330 + "d"), ("max_body", "9" * 330 + "gb"),
     ("max_size", "99999999999gb"), ("max_in_flight", "inf")],
)  # fmt: skip
def test_an_error_names_the_place_and_never_the_value(name: str, bad: str, project: Path) -> None:
    flag = "--" + name.replace("_", "-")
    variable = "INSPECTOR_" + name.upper()
    (project / "inspector.toml").write_text(f'{name} = "{bad}"')
    cases: list[tuple[dict[str, str], dict[str, str], str, type[InspectorError]]] = [
        ({name: bad}, {}, flag, UsageError),
        ({}, {variable: bad}, variable, ConfigurationError),
        ({}, {}, f"inspector.toml: {name}: ", ConfigurationError),
    ]
    for flags, told, place, kind in cases:
        with pytest.raises(kind) as caught:
            load(flags, told, project)
        assert "Input should" not in caught.value.message
        assert place in caught.value.message
        # Of a file its path is told, which may hold anything: only what follows it counts.
        assert bad not in caught.value.message.partition(place)[2]


def test_a_secret_of_a_wrong_type_is_not_repeated(project: Path) -> None:
    (project / "inspector.toml").write_text(f'secret = [["{SECRET}"]]')
    with pytest.raises(ConfigurationError) as caught:
        load({}, {}, project)
    assert SECRET not in caught.value.message + caught.value.hint


def test_an_unknown_name_is_an_error_with_its_place(project: Path) -> None:
    (project / "inspector.toml").write_text("prot = 1")
    with pytest.raises(
        ConfigurationError, match=r"inspector\.toml: prot: there is no such setting"
    ):
        load({}, {}, project)


def test_a_broken_file_is_named(project: Path) -> None:
    (project / "inspector.toml").write_bytes(b"port = \xff")
    with pytest.raises(ConfigurationError, match=r"cannot read .*inspector\.toml"):
        load({}, {}, project)


def test_a_variable_that_is_no_setting_is_left_alone(project: Path) -> None:
    assert load({}, {"INSPECTOR_DEBUG": "1", "INSPECTOR_PORT": ""}, project) == Settings()


def test_how_the_ui_is_to_be_comes_from_both_files(project: Path, own_user_config: Path) -> None:
    own_user_config.write_text('[ui]\ntheme = "nord"\n[ui.keymap]\nquit = "x"\nhelp = "f1"')
    (project / "inspector.toml").write_text('[ui]\ntime = "relative"\n[ui.keymap]\nquit = "Q"')
    ui = load({}, {"INSPECTOR_UI": "{}"}, project).ui
    assert (ui.theme, ui.time, ui.keymap) == ("nord", "relative", {"quit": "Q", "help": "f1"})
    own_user_config.write_text('[ui]\ncolumns = ["evnt"]')
    with pytest.raises(ConfigurationError, match=r"config\.toml: ui\.columns: there is no 'evnt'"):
        load({}, {}, project)
