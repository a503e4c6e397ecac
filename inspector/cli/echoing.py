"""`inspector doctor --echo`: an app that tells what it got, in the foreground."""

import base64

import click

from inspector.cli.compact import human_size
from inspector.cli.printing import print_item, print_row
from inspector.cli.stopping import Stopping
from inspector.doctor.echo import Echo
from inspector.domain.fidelity import Arrived
from inspector.domain.plaintext import one_line
from inspector.server.listener import capture_url


async def echo(host: str, port: int, *, as_json: bool) -> int:
    """Serve until stopped; one row, or one object, for each request."""
    stopping = Stopping()

    def hear(arrived: Arrived) -> None:
        try:
            _tell(arrived, as_json=as_json)
        except BrokenPipeError:  # nobody reads our output any more
            stopping.end()

    app = Echo(hear)
    await app.start(host, port)
    try:
        stopping.handle_signals()
        url = capture_url(host, app.port)
        if as_json:
            print_item("ready", {"url": url})
        else:
            click.echo(f"an echo in your app's place at {url}", err=True)
            click.echo(f"examine it with `inspector doctor {url}`", err=True)
        await stopping.wait()
    finally:
        app.stop()
    return stopping.exit_code


def _tell(arrived: Arrived, *, as_json: bool) -> None:
    if not as_json:
        line = one_line(f"{arrived.method} {arrived.target}", 60)
        print_row(f"{line}  {len(arrived.headers)} headers  {human_size(arrived.size)}")
        return
    item = {
        "method": arrived.method,
        "request_target": arrived.target,
        "headers": arrived.headers,
        "body_size": arrived.size,
        "body_sha256": arrived.sha256,
    }
    if arrived.body is not None:
        item["body_b64"] = base64.b64encode(arrived.body).decode()
    print_item("echo", item)
