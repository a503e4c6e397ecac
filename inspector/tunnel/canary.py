"""A canary: a request of our own to the capture address, which shall come back by the tunnel."""

import ssl

import aiohttp

from inspector import __version__
from inspector.domain.plaintext import one_line
from inspector.errors import system_text
from inspector.tunnel.address import RelayAddress
from inspector.tunnel.connecting import LostError, why_not
from inspector.tunnel.messages import CANARY_HEADER

_SECONDS = 10.0
_LONGEST = 200


async def knock(address: RelayAddress, nonce: str, tls: ssl.SSLContext | None) -> None:
    """POST it to where senders POST; raises `LostError` unless it is answered 200."""
    headers = {CANARY_HEADER: nonce, "User-Agent": f"inspector/{__version__}"}
    # Neither a proxy nor a password file of this machine's is asked.
    session = aiohttp.ClientSession(
        trust_env=False, timeout=aiohttp.ClientTimeout(_SECONDS), auto_decompress=False
    )
    try:
        async with (
            session,
            session.post(
                address.url, headers=headers, ssl=tls or True, allow_redirects=False
            ) as answer,
        ):
            status, why = answer.status, await _said(answer)
    except aiohttp.ClientConnectorCertificateError as error:
        raise LostError(str(why_not(error.certificate_error, address.origin))) from error
    except aiohttp.ClientConnectorError as error:
        raise LostError(f"the capture address: {system_text(error.os_error)}") from error
    except TimeoutError as error:
        raise LostError("the capture address gives no answer") from error
    except (aiohttp.ClientError, OSError) as error:
        raise LostError(f"the capture address: {type(error).__name__}") from error
    if status != 200:
        raise LostError(f"the capture address answered {status}{f': {why}' if why else ''}")


async def _said(answer: aiohttp.ClientResponse) -> str:
    """What a relay says of a request that it turns away, in one line: a proxy would say a page."""
    if answer.content_type != "text/plain":
        return ""
    told = await answer.content.read(_LONGEST)
    return one_line(told.decode("utf-8", "replace").strip(), _LONGEST)
