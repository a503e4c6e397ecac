"""Apps and proxies for the doctor to find fault with, in this process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web
from pacspace_sdk.errors import WebhookVerificationError  # type: ignore[import-untyped]
from pacspace_sdk.webhooks import Webhooks  # type: ignore[import-untyped]

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.domain.envelope import Verdict
from inspector.providers.pacspace import PACSPACE

SECRET = "whsec_doctored"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler, *, auto_decompress: bool = True) -> AsyncIterator[str]:
    """An aiohttp application as most are, taking bodies of any size; its URL."""
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, auto_decompress=auto_decompress)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def verifying(request: web.Request) -> web.StreamResponse:
    """What the provider's own SDK says to the body that the framework hands over."""
    body = await request.read()
    try:
        Webhooks(SECRET).verify_from_headers(dict(request.headers), body.decode())
    except (WebhookVerificationError, UnicodeDecodeError) as error:
        return web.json_response({"refused": str(error)}, status=401)
    return web.json_response({"taken": len(body)})


async def verifying_raw(request: web.Request) -> web.StreamResponse:
    """What was signed is what is verified; to be served without decompression."""
    headers = tuple(request.headers.items())
    raw = Request(request.method, "/", "1.1", headers, await request.read())
    verdict = PACSPACE.verify(raw, [SECRET], wall_clock()).verdict
    return web.Response(status=200 if verdict is Verdict.VALID else 401)


async def careless(request: web.Request) -> web.StreamResponse:
    """Takes everything."""
    await request.read()
    return web.Response(text="ok")


def decompressing(url: str, session: ClientSession) -> Handler:
    """A proxy that hands on what its framework makes of a request."""

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        dropped = {"host", "content-encoding", "content-length", "transfer-encoding"}
        headers = [pair for pair in request.headers.items() if pair[0].lower() not in dropped]
        headers.append(("X-Forwarded-For", "203.0.113.9"))
        async with session.request(
            request.method, url + request.raw_path, data=body, headers=headers
        ) as answer:
            kept = {"Inspector-Echo": answer.headers.get("Inspector-Echo", "")}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)

    return handle
