"""Subscribing at PacSpace: who asks, what is there already, and what is kept and printed."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from inspector.account.client import ApiClient
from inspector.account.cookies import read_cookies
from inspector.account.credentials import Bearer, Credential, SessionCookies
from inspector.account.dashboard import Dashboard
from inspector.account.finding import SecretSource, checked_url, find
from inspector.account.hiding import Hiding
from inspector.cli.printing import print_item, print_row, tell
from inspector.cli.rereading import after_keeping
from inspector.cli.webhook_lines import item_of, lines_of, print_webhook
from inspector.domain.base import parse_base
from inspector.errors import ConfigurationError, UsageError
from inspector.providers.pacspace.management import FIRST, SECOND, Webhook, segment
from inspector.settings import Settings
from inspector.store.files import StoreFiles
from inspector.store.lock import holder
from inspector.store.recognition import refuse_foreign
from inspector.store.secrets import KeptSecret, SecretsFile

T = TypeVar("T")

_PROVIDER = "pacspace"


class Wanted(NamedTuple):
    """What the command line says of the webhook."""

    url: str
    description: str
    events: tuple[str, ...]
    again: bool
    serve: bool


def subscribe(settings: Settings, cookies: Path | None, wanted: Wanted, *, as_json: bool) -> None:
    """Make the webhook unless there is one, keep its secret, and then print it."""
    store = _SecretStore(settings, strict=True)
    account = _Account(settings, cookies, store)
    if wanted.events and account.dashboard.generation is SECOND:
        raise UsageError(
            "--event is for PACSPACE_TOKEN alone; this API sends every event",
            "leave it out, and choose with `inspector serve --events GLOB`",
        )
    wanted = wanted._replace(url=_checked_url(wanted.url, settings, account))
    store.check(serve=wanted.serve)
    if account.run(lambda: _settled(account, store, wanted, as_json=as_json)):
        tell("the secret is shown this once, for your app; it is kept here, for what comes")
        if told := after_keeping(settings):
            tell(told)


def list_webhooks(settings: Settings, cookies: Path | None, *, as_json: bool) -> None:
    """Print what there is."""
    store = _SecretStore(settings)
    account = _Account(settings, cookies, store)
    listed = account.run(account.dashboard.webhooks)
    for webhook in listed.webhooks:
        known = store.has(webhook)
        print_webhook(webhook, account.hiding, known=known, created=None, as_json=as_json)
    if listed.flaw:
        tell(f"there may be more of them: {listed.flaw}")
    elif not listed.webhooks and not as_json:
        tell("no webhook yet: make one with `inspector subscribe --url URL`")


def show_webhook(settings: Settings, cookies: Path | None, id_: str, *, as_json: bool) -> None:
    """Print one."""
    segment(id_)
    store = _SecretStore(settings)
    account = _Account(settings, cookies, store)
    webhook = account.run(lambda: account.dashboard.show(id_))
    known = store.has(webhook)
    if as_json:
        print_item("webhook", item_of(webhook, account.hiding, known=known, created=None))
        return
    for line in lines_of(webhook, account.hiding, known=known):
        print_row(line)


class _SecretStore:
    """The store, and the secrets that are kept beside it.

    Where they cannot be read, who only looks is told so and goes on; `strict` raises.
    """

    def __init__(self, settings: Settings, *, strict: bool = False) -> None:
        self._settings = settings
        self.given: list[str] = []
        self._files = StoreFiles(settings.db)
        refuse_foreign(self._files.database)
        self.file = SecretsFile.beside(self._files)
        self._kept: list[KeptSecret] = []
        for read in (self._read_given, self._read_kept):
            try:
                read()
            except ConfigurationError as error:
                if strict:
                    raise
                tell(f"inspector: {error.message}")

    def _read_given(self) -> None:
        self.given = self._settings.secrets()

    def _read_kept(self) -> None:
        self._kept += (each for each in self.file.read() if each.provider == _PROVIDER)

    def secrets(self) -> list[str]:
        return [*self.given, *(each.secret for each in self._kept)]

    def has(self, webhook: Webhook) -> bool:
        return any(each.webhook == webhook.id for each in self._kept)

    def webhooks(self) -> list[Webhook]:
        """Those whose secret is kept, as they were when it was."""
        return [
            Webhook(each.webhook, each.url, created_at=each.created_at or None)
            for each in self._kept
        ]

    def check(self, *, serve: bool) -> None:
        """Raise what would keep us from going on once the webhook is made."""
        folder = self._files.database.parent
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise self._unwritable(error.strerror or str(error)) from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise self._unwritable("it may not be written")
        if not serve:
            return
        if holder(self._files.lock) is not None:
            raise UsageError(
                f"a listener runs on {self._files.database.name} already", "leave out --serve"
            )
        if self._settings.relay:
            # Its import is dear, and hardly anybody needs it here.
            from inspector.tunnelling import dialler_of

            dialler_of(self._settings)

    def _unwritable(self, why: str) -> ConfigurationError:
        return ConfigurationError(
            f"the secret could not be kept in {self._files.database.parent}: {why}",
            "name a store of your own with --db PATH",
        )


class _Account:
    """Who we are at PacSpace, by the cookies of a browser or by a token."""

    def __init__(self, settings: Settings, cookies: Path | None, store: _SecretStore) -> None:
        credential = _credential(cookies)
        generation = FIRST if isinstance(credential, Bearer) else SECOND
        self.base = parse_base(settings.dashboard_url or generation.base)
        self.hiding = Hiding(store.secrets())
        self._client = ApiClient(self.base, credential, self.hiding, tell=tell)
        self.dashboard = Dashboard(self._client, generation)

    def run(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What it answers, and the connections closed."""

        async def asked() -> T:
            async with self._client:
                return await ask()

        return asyncio.run(asked())


def _credential(cookies: Path | None) -> Credential:
    if cookies is not None:
        file = read_cookies(cookies)
        if file.bad and file.cookies:
            lines = ", ".join(map(str, file.bad[:10])) + (", ..." if file.bad[10:] else "")
            tell(f"{cookies}: no cookie in line {lines}")
        return SessionCookies(file, time.time)
    token = os.environ.get("PACSPACE_TOKEN", "").strip().removeprefix("Bearer ").strip()
    if not token:
        raise ConfigurationError(
            "nothing says who you are at PacSpace",
            "give the dashboard's cookies with --cookies FILE (cookies.txt), or set PACSPACE_TOKEN",
        )
    return Bearer(token)


async def _settled(
    account: _Account, store: _SecretStore, wanted: Wanted, *, as_json: bool
) -> bool:
    """Print the webhook that is there already, or make one; whether it was made.

    Nothing is awaited between the answer and the end: Ctrl+C then loses no secret.
    """
    if not wanted.again and (found := await _found(account, store, wanted.url)) is not None:
        print_webhook(found, account.hiding, known=True, created=False, as_json=as_json)
        return False
    made = await account.dashboard.create(
        wanted.url, description=wanted.description, events=wanted.events
    )
    assert made.secret is not None
    kept = KeptSecret(_PROVIDER, made.id, wanted.url, made.created_at or "", made.secret)
    try:
        store.file.keep(kept)
    finally:
        # Whatever becomes of keeping it: this is the only time that anybody sees it.
        print_webhook(made, account.hiding, known=True, created=True, as_json=as_json)
    return True


async def _found(account: _Account, store: _SecretStore, url: str) -> Webhook | None:
    """A webhook of that URL whose secret is known; raises where it is not."""
    listed = await account.dashboard.known()
    found = find(url, listed, store.webhooks(), given=bool(store.given))
    if listed.flaw and (found is None or found.remembered):
        tell(f"what webhooks there are is not known for sure: {listed.flaw}")
    if found is None:
        return None
    name = account.hiding.line(found.webhook.id)
    if found.remembered:
        tell("the one made before is taken; --again makes another")
    elif found.secret is SecretSource.KEPT:
        tell(f"already subscribed as {name}")
    elif found.secret is SecretSource.GIVEN:
        tell(f"already subscribed as {name}; its secret is taken to be the one given")
    else:
        raise ConfigurationError(
            f"already subscribed as {name}, whose secret is not known here",
            "give it with INSPECTOR_SECRET, or add --again to make another webhook",
        )
    if found.webhook.enabled is False:
        tell(f"{name} is disabled at PacSpace: it sends nothing until it is enabled there")
    return found.webhook


def _checked_url(url: str, settings: Settings, account: _Account) -> str:
    if not url and not settings.relay:
        raise UsageError(
            "where shall PacSpace send to?",
            "give --url URL, or the capture URL of a relay's endpoint with --relay URL",
        )
    text = url.strip() or _capture_url(settings)
    try:
        return checked_url(text, account.base)
    except ValueError as error:
        raise UsageError("--url cannot be read", str(error)) from None


def _capture_url(settings: Settings) -> str:
    from inspector.tunnel.address import parse_relay

    return parse_relay(settings.relay).url
