"""The relay's certificate: read from its files, and read again when they change."""

import asyncio
import logging
import ssl
from pathlib import Path

from inspector.errors import ConfigurationError

CHECK_SECONDS = 2.0

_Stamp = tuple[int, int, int]
_log = logging.getLogger(__name__)


class TlsCertificate:
    """The pair of certificate (with its chain) and key; `context` is what a server is given.

    Raises `ConfigurationError` for a pair that cannot be used at the start. A later one that
    cannot is logged, once, and the one before stays in use.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._stamps = self._look()
        try:
            self._current = self.context = _context(certificate, key)
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"cannot use the certificate {certificate} with the key {key}: {_why(error)}",
                "give a PEM certificate with its chain as --tls-cert and its key, which has no "
                "passphrase, as --tls-key",
            ) from error
        self.context.sni_callback = self._choose

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, _: str | None, __: object) -> None:
        """Called for each handshake, whether or not a name is asked for."""
        tls.context = self._current

    def _look(self) -> tuple[_Stamp, ...] | None:
        try:
            found = [file.stat() for file in self._files]
        except OSError:
            return None
        return tuple([(each.st_ino, each.st_mtime_ns, each.st_size) for each in found])

    async def follow(self) -> None:
        """Look at the files every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.check()

    def check(self) -> bool:
        """Use the files as they are now where they changed; whether there is another pair."""
        stamps = self._look()
        # None is for a moment in which one of them is being replaced.
        if stamps is None or stamps == self._stamps:
            return False
        self._stamps = stamps
        certificate, key = self._files
        try:
            self._current = _context(certificate, key)
        except (OSError, ValueError) as error:
            _log.warning(
                "the certificate changed and cannot be used, the one before stays: %s", _why(error)
            )
            return False
        _log.info("the certificate changed and is in use")
        return True


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # A key with a passphrase would be asked for on the terminal.
    context.load_cert_chain(certificate, key, password=lambda: "")
    return context


def _why(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason.lower().replace("_", " ") if error.reason else "it is no PEM pair"
    return (isinstance(error, OSError) and error.strerror) or str(error)
