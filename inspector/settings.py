"""Settings: flags > INSPECTOR_* environment > inspector.toml here > user config > defaults."""

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from inspector.domain.preferences import Preferences
from inspector.domain.routes import parse_header, parse_route
from inspector.errors import ConfigurationError, InspectorError, UsageError, said
from inspector.values import (
    EXAMPLES,
    Address,
    Age,
    ApiUrl,
    Bytes,
    Lines,
    PublicUrl,
    Seconds,
    Secrets,
    StoreSize,
    Targets,
    Texts,
    WholePath,
)

PREFIX = "INSPECTOR_"
RELAY_PREFIX = "INSPECTOR_RELAY_"
PROJECT_FILE = "inspector.toml"

_REFERENCE = "env:"
# Where a token of the account at a provider is sent.
_OF_THE_ACCOUNT = {"dashboard_url", "balance_url"}


def default_database() -> Path:
    return Path(platformdirs.user_data_dir("inspector", appauthor=False)) / "inspector.db"


class Settings(BaseModel):
    """Everything that a listener can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    db: WholePath = Field(default_factory=default_database, validate_default=True)
    """The store: a file, made when it is missing."""
    host: Address = "127.0.0.1"
    """The address to listen on."""
    port: int = Field(default=8400, ge=0, le=65535)
    """The port to listen on; 0 takes any free one."""
    forward_to: Targets = []
    """Targets: a port, a URL, or GLOB=URL for some event types."""
    events: Texts = []
    """Globs of the event types to forward; the rest stays visible as filtered."""
    secret: Secrets = Field(default=[], repr=False)
    """Signing secrets, the current one first, as they are given: `secrets()` has them."""
    ack: str = "stored"
    """What the sender is answered: stored, app, or app-or-stored:N."""
    status: int = Field(default=200, ge=200, le=599)
    """The status that stored answers with."""
    timeout: Seconds = 30.0
    """Seconds to wait for a target's answer; 0 waits for ever."""
    retry: Seconds = 300.0
    """Seconds to go on trying a target that gives no answer."""
    max_connections: int = Field(default=1, ge=1, le=256)
    """Connections a target; more than one gives up the order."""
    insecure: bool = False
    """Accept any certificate of an https target."""
    keep_host: bool = False
    """Send the captured Host header instead of the target's."""
    header: Lines = []
    """Headers to set on what is forwarded, as `Name: value`; in one text, one a line."""
    max_body: Bytes = 25 << 20
    """The largest body taken in."""
    max_in_flight: Bytes = 64 << 20
    """All bodies being read or committed at a time."""
    keep: Age = 30.0 * 86400
    """How long deliveries stay; 0 keeps them for ever."""
    max_size: StoreSize = 2 << 30
    """How large the store may grow before the oldest deliveries go."""
    allow_host: Texts = []
    """Further Host names under which the API may be asked."""
    relay: str = ""
    """Mirror this endpoint of a relay: its capture URL."""
    relay_token: str = Field(default="", repr=False)
    """The endpoint's token, as it is given: `token()` has it. There is no flag for it, since
    arguments can be seen."""
    consumer: str = ""
    """What this listener is called at the relay; USER@HOST if nothing is given."""
    backfill: str = "all"
    """How much of what waits at the relay is fetched at first: all, since:AGE, none, or ask."""
    relay_filter: str = ""
    """A query for what the relay shall hand on: path, method, event, header.NAME; none: all."""
    take_over: bool = False
    """Take the name from a listener that is connected under it."""
    primary: bool = False
    """Answer the relay's senders with this listener's app, until another one takes that."""
    dashboard_url: ApiUrl = ""
    """The address of PacSpace's dashboard API, when it is another than the generation's own."""
    balance_url: ApiUrl = ""
    """The address of its balance API, when it is another."""
    web_port: int = Field(default=8401, ge=0, le=65535)
    """The port of the UI in a browser, with --web; 0 takes any free one."""
    ui: Preferences = Preferences()
    """How the terminal UI is to be."""

    def secrets(self) -> list[str]:
        """The signing secrets; raises `ConfigurationError` for a variable that is not set."""
        return [_resolved("secret", given) for given in self.secret]

    def token(self) -> str:
        """The endpoint's token, in the same way."""
        return _resolved("relay_token", self.relay_token)


class RelaySettings(BaseModel):
    """Everything that a relay can be told; what its endpoints take in is said of each of them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    db: WholePath = Field(
        default_factory=lambda: default_database().with_name("relay.db"), validate_default=True
    )
    """The store: a file, made when it is missing; the endpoints lie beside it."""
    host: Address = "0.0.0.0"
    """The address to listen on."""
    port: int = Field(default=8400, ge=0, le=65535)
    """The port to listen on; 0 takes any free one."""
    public_url: PublicUrl = ""
    """Where senders and developers reach it, when that is another address."""
    tls_cert: WholePath | None = None
    """A certificate chain in PEM; the file is read again when it changes."""
    tls_key: WholePath | None = None
    """Its private key."""
    trust_proxy: bool = False
    """Take a sender's address from the last entry of X-Forwarded-For."""
    keep: Age = 30.0 * 86400
    """How long deliveries stay; 0 keeps them for ever."""
    max_in_flight: Bytes = 64 << 20
    """All bodies being read or committed at a time."""
    health_host: Address = "127.0.0.1"
    """The address of health checks and metrics."""
    health_port: int = Field(default=8402, ge=0, le=65535)
    """Their port; 0 takes any free one."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.tls_cert is None) is not (self.tls_key is None):
            raise ValueError("a certificate and its key go together: tls_cert and tls_key")
        return self


def config_files(directory: Path | None = None) -> tuple[Path, Path]:
    """Where settings are read from, the weaker file first; neither need be there."""
    user = Path(platformdirs.user_config_dir("inspector", appauthor=False)) / "config.toml"
    return user, (directory or Path()) / PROJECT_FILE


def load(
    flags: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Settings:
    """The settings in force; flags that are None or empty do not count.

    Raises `ConfigurationError` naming the place of a bad value.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    looks: list[tuple[str, object]] = []
    user, project = config_files(directory)
    for path in (user, project):
        table = read_config(path)
        if "ui" in table:
            looks.append((str(path), table.pop("ui")))
        for spelled, value in table.items():
            name, origin = spelled.replace("-", "_"), f"{path}: {spelled}"
            if path == project:
                _check_of_a_project(name, value, origin, user)
            values[name], origins[name] = value, origin
    values["ui"] = Preferences.merged(looks)
    told = _told(Settings.model_fields.keys() - {"ui"}, PREFIX, flags, environment)
    for name, (value, origin) in told.items():
        values[name], origins[name] = value, origin
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _explained(error, origins) from error
    _check_texts(settings, origins)
    return settings


def _check_texts(settings: Settings, origins: Mapping[str, str]) -> None:
    """Raise for a target or a header that cannot be read, as for any other bad value."""
    try:
        name = "forward_to"
        for text in settings.forward_to:
            parse_route(text)
        name = "header"
        for text in settings.header:
            parse_header(text)
    except UsageError as error:
        origin = origins[name]
        if origin.startswith("--"):
            raise
        raise ConfigurationError(f"{origin}: {error.message}", error.hint) from error


def _check_of_a_project(name: str, value: object, origin: str, user: Path) -> None:
    """Raise for what a project may not say: a checkout of anybody's sends no account's token and
    no variable of ours away."""
    if name in _OF_THE_ACCOUNT:
        raise ConfigurationError(
            f"{origin}: a project does not say where your account's token goes",
            f"put it into {user}, or set {PREFIX}{name.upper()}",
        )
    variable = value.removeprefix(_REFERENCE) if isinstance(value, str) else value
    if name == "relay_token" and variable != value and not str(variable).startswith(PREFIX):
        raise ConfigurationError(
            f"{origin}: a project sends only variables away that begin with {PREFIX}",
            f"name the variable so, or put it into {user}",
        )


def load_relay(
    flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> RelaySettings:
    """A relay's settings: flags > INSPECTOR_RELAY_* > defaults; no file of a project counts.

    Raises `ConfigurationError` naming the place of a bad value.
    """
    environment = os.environ if environment is None else environment
    told = _told(RelaySettings.model_fields.keys(), RELAY_PREFIX, flags, environment)
    try:
        return RelaySettings.model_validate({name: value for name, (value, _) in told.items()})
    except ValidationError as error:
        raise _explained(error, {name: origin for name, (_, origin) in told.items()}) from error


def _told(
    names: Iterable[str], prefix: str, flags: Mapping[str, Any], environment: Mapping[str, str]
) -> dict[str, tuple[Any, str]]:
    """What the environment and the flags say, and where each stands."""
    told: dict[str, tuple[Any, str]] = {}
    for name in names:
        if text := environment.get(prefix + name.upper()):
            told[name] = text, prefix + name.upper()
    for name, value in flags.items():
        if value is not None and value != () and value is not False:
            given = list(value) if isinstance(value, tuple) else value
            told[name] = given, "--" + name.replace("_", "-")
    return told


def read_config(path: Path) -> dict[str, Any]:
    """What stands in one of them, nothing where there is none; raises `ConfigurationError`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}", "correct it or move it") from error


def _resolved(name: str, given: str) -> str:
    """`env:NAME` stands for a variable of the environment, so that no file needs the secret."""
    if not given.startswith(_REFERENCE):
        return given
    variable = given.removeprefix(_REFERENCE)
    if not (found := os.environ.get(variable)):
        raise ConfigurationError(f"{name}: the environment has no {variable}", f"set {variable}")
    return found


def _explained(error: ValidationError, origins: Mapping[str, str]) -> InspectorError:
    # The value itself is not repeated: it may be a secret.
    first = error.errors(include_url=False, include_input=False)[0]
    if not first["loc"]:
        return ConfigurationError(said(first))
    name = str(first["loc"][0])
    origin = origins.get(name, name)
    if first["type"] == "extra_forbidden":
        return ConfigurationError(
            f"{origin}: there is no such setting", "see `inspector serve --help` for their names"
        )
    kind = UsageError if origin.startswith("--") else ConfigurationError
    return kind(f"{origin}: {said(first)}", EXAMPLES.get(name, ""))
