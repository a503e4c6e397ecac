"""The relay speaks TLS with the certificate that its files hold now."""

import asyncio
import logging
import os
import ssl
from pathlib import Path

import pytest

from inspector.errors import ConfigurationError
from inspector.server import tls
from inspector.server.tls import TlsCertificate
from inspector.tasks import Tasks
from tests.helpers.certificates import Authority
from tests.helpers.relaying import endpoint, relaying
from tests.helpers.served import post
from tests.helpers.wire import PATIENCE, Wire

LARGE = 2_000_000


class Pair:
    """A certificate and its key, as files; `der` is the certificate as a client sees it."""

    def __init__(self, folder: Path) -> None:
        self._authority = Authority(folder)
        self.certificate, self.key = self._authority.pair(name="used")
        self.der = _der(self.certificate)

    def replace(self) -> bytes:
        """Put another pair in its place, as a program that renews it does; its certificate."""
        certificate, key = self._authority.pair(name="new")
        der = _der(certificate)
        certificate.replace(self.certificate)
        key.replace(self.key)
        return der

    def exchange_key(self) -> None:
        """Put a key in its place that is another certificate's."""
        self._authority.pair(name="other")[1].replace(self.key)

    def used(self) -> TlsCertificate:
        return TlsCertificate(self.certificate, self.key)


def _der(certificate: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(certificate.read_text("ascii"))


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


async def connected(port: int, name: str | None = None) -> Wire:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return Wire(
        *await asyncio.open_connection(
            "127.0.0.1", port, ssl=context, server_hostname=name, limit=1 << 20
        )
    )


async def shown(port: int, name: str | None = None) -> bytes:
    """The certificate that a new connection is shown, in DER."""
    async with await connected(port, name) as wire:
        found: bytes = wire.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return found


async def test_deliveries_come_in_over_tls(tmp_path: Path, pair: Pair) -> None:
    async with (
        relaying(tmp_path, tls=pair.used().context) as relay,
        await connected(relay.port) as wire,
    ):
        assert wire.writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
        for number, size in enumerate([2, 300_000, LARGE], 1):
            answer = await wire.ask(post(b"x" * size, target=b"/in/Sone"))
            assert (answer.status, answer.delivery) == (200, number)
        host, port = wire.writer.get_extra_info("sockname")
        assert {parcel.remote for parcel in await relay.stored()} == {f"{host}:{port}"}


async def test_a_sender_over_tls_reads_why_it_is_refused(tmp_path: Path, pair: Pair) -> None:
    limited = [endpoint(max_body=1000, rate=1.5), endpoint("two", max_body=1000)]
    async with relaying(tmp_path, limited, tls=pair.used().context, monotonic=lambda: 0) as relay:
        sent = post(b"x" * LARGE, target=b"/in/Sone")
        statuses = []
        for _ in range(4):
            async with await connected(relay.port) as wire:
                await wire.send(sent)
                statuses.append((await wire.answer()).status)
        assert statuses == [413, 413, 413, 429]
        async with await connected(relay.port) as wire:
            assert (await wire.ask(b"hello\r\n\r\n")).status == 400
        async with await connected(relay.port) as wire:
            await wire.send(post(b"x" * LARGE, target=b"/in/Snone"))
            assert (await wire.answer()).status == 404


async def test_a_sender_may_end_its_half(tmp_path: Path, pair: Pair) -> None:
    """TLS has no half to end: the relay takes what came, and logs nothing."""
    async with relaying(tmp_path, tls=pair.used().context) as relay:
        async with await connected(relay.port) as wire:
            await wire.send(post(target=b"/in/Sone"))
            await wire.close()
        async with asyncio.timeout(PATIENCE):
            while not await relay.stored():
                await relay_answers(relay.port)


async def relay_answers(port: int) -> None:
    async with await connected(port) as wire:
        await wire.ask(b"GET /_inspector/healthz HTTP/1.1\r\nHost: x\r\n\r\n")


async def test_what_is_no_tls_is_closed_without_a_word(
    tmp_path: Path, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    async with relaying(tmp_path, tls=pair.used().context) as relay:
        for sent in (post(target=b"/in/Sone"), b"\0" * 1000, b"\x16\x03\x01\xff\xff" + b"x" * 500):
            async with await relay.wire() as wire:
                await wire.send(sent)
                assert b"HTTP" not in await wire.rest()
        async with await relay.wire() as wire:
            wire.cut()
        await relay_answers(relay.port)
        assert await relay.nothing_stored()
    assert not caplog.records


async def test_a_handshake_that_does_not_come_is_given_up(
    tmp_path: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inspector.server.listener.HEAD_SECONDS", 0.05)
    async with (
        relaying(tmp_path, tls=pair.used().context) as relay,
        await relay.wire() as wire,
    ):
        assert await wire.rest() == b""


@pytest.mark.parametrize("name", [None, "relay.example.com"])
async def test_a_new_certificate_is_used_from_the_next_connection_on(
    tmp_path: Path, pair: Pair, name: str | None
) -> None:
    used = pair.used()
    async with relaying(tmp_path, tls=used.context) as relay:
        async with await connected(relay.port) as old:
            assert await shown(relay.port, name) == pair.der
            assert not used.check()
            new = pair.replace()
            assert used.check()
            assert await shown(relay.port, name) == new != pair.der
            # Who was connected goes on.
            assert (await old.ask(post(target=b"/in/Sone"))).status == 200
        assert not used.check()


async def test_the_files_are_looked_at_again_and_again(
    tmp_path: Path, pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "CHECK_SECONDS", 0.01)
    used = pair.used()
    tasks = Tasks("test")
    async with relaying(tmp_path, tls=used.context) as relay:
        tasks.start(used.follow(), "certificate")
        new = pair.replace()
        async with asyncio.timeout(PATIENCE):
            while await shown(relay.port) != new:
                pass
        await tasks.stop()


BROKEN = ["empty", "garbage", "another key", "cut"]


def broken(pair: Pair, how: str) -> None:
    if how == "another key":
        pair.exchange_key()
    else:
        whole = pair.certificate.read_bytes()
        told = {"empty": b"", "garbage": b"\xff\0garbage", "cut": whole[: len(whole) // 2]}
        pair.certificate.write_bytes(told[how])


@pytest.mark.parametrize("how", BROKEN)
async def test_a_broken_new_certificate_leaves_the_old_in_use(
    tmp_path: Path, pair: Pair, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    used = pair.used()
    async with relaying(tmp_path, tls=used.context) as relay:
        broken(pair, how)
        assert not used.check()
        assert not used.check()
        (told,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert "the one before stays" in told.getMessage()
        assert told.exc_info is None
        assert "\n" not in told.getMessage()
        assert await shown(relay.port) == pair.der
        new = pair.replace()
        assert used.check()
        assert await shown(relay.port) == new


async def test_a_file_that_is_gone_for_a_moment_is_waited_for(tmp_path: Path, pair: Pair) -> None:
    used = pair.used()
    async with relaying(tmp_path, tls=used.context) as relay:
        pair.key.rename(tmp_path / "away")
        assert not used.check()
        assert await shown(relay.port) == pair.der
        (tmp_path / "away").rename(pair.key)
        assert not used.check()


@pytest.mark.parametrize("how", [*BROKEN, "missing", "locked"])
def test_a_pair_that_cannot_be_used_is_told_in_one_line(pair: Pair, how: str) -> None:
    if how == "missing":
        pair.key.unlink()
    elif how == "locked":
        _lock(pair.key)
    else:
        broken(pair, how)
    with pytest.raises(ConfigurationError) as told:
        pair.used()
    assert str(pair.certificate) in told.value.message
    assert "\n" not in told.value.message
    assert "--tls-cert" in told.value.hint


def _lock(key: Path) -> None:
    """Give it a passphrase."""
    from cryptography.hazmat.primitives import serialization

    private = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(os.urandom(8).hex().encode()),
        )
    )
