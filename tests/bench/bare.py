"""The yardstick: an aiohttp application that reads the body and answers 200, on the default loop.

    python -m tests.bench.bare [COUNT]

prints its port; with COUNT the monotonic time at which so many requests were received. It ends
when its standard input does.
"""

import asyncio
import sys
import time

from aiohttp import web


class _Counter:
    def __init__(self, wanted: int) -> None:
        self._left = wanted

    async def handle(self, request: web.Request) -> web.Response:
        await request.read()
        self._left -= 1
        if self._left == 0:
            print(time.monotonic(), flush=True)
        return web.Response()


async def handle(request: web.Request) -> web.Response:
    await request.read()
    return web.Response()


async def main(wanted: int) -> None:
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", _Counter(wanted).handle if wanted else handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 0))
