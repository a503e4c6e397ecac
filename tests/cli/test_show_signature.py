"""`show` says why a signature does not match, by whoever has the secrets."""

import json

from inspector.clock import wall_clock
from inspector.domain.delivery import Request
from inspector.providers.pacspace import PACSPACE
from tests.cli.conftest import Cli
from tests.helpers.listener import ListenerProcess, post

SECRET = "whsec_test_secret"
SENT = b'{"event":"delta.verified","data":{"customerId":"cust_1"}}'
# What the sender signed: the same JSON as it was before its HTTP client wrote it.
SIGNED = json.dumps(json.loads(SENT), indent=2).encode()


def signed_headers() -> dict[str, str]:
    return dict(
        PACSPACE.sign(Request("POST", "/", "1.1", (), SIGNED), SECRET, wall_clock()).headers
    )


def test_the_listener_explains_and_then_the_settings_do_in_the_same_words(cli: Cli) -> None:
    with ListenerProcess(cli.db, "--secret", SECRET) as listener:
        post(listener.url, SENT, signed_headers())
        told = cli("show", "latest").out
        (item,) = cli("show", "latest", "--json").items
    assert "signature   invalid: Does not match the secret: by the secret" in told
    assert "  no  JSON layout      This is it: by the secret the body was signed" in told
    assert "signed as the same JSON, indented by 2, and re-formatted after that" in told
    assert "  ok  last line break  Ruled out: " in told
    assert SECRET not in told
    checks = item["signature"]["checks"]
    assert "indented by 2" in checks[-1]["said"]
    # The listener is gone, and with it the secret.
    assert "explanation" not in cli("show", "latest").out
    assert "checks" not in cli("show", "latest", "--json").items[0]["signature"]
    cli.settings["INSPECTOR_SECRET"] = SECRET
    assert cli("show", "latest").out == told
    assert cli("show", "latest", "--json").items[0]["signature"]["checks"] == checks


def test_a_secret_that_came_later_points_to_reindex(cli: Cli) -> None:
    with ListenerProcess(cli.db) as listener:
        post(listener.url, SENT, signed_headers())
        assert "None is known: give it with --secret" in cli("show", "latest").out
    cli.settings["INSPECTOR_SECRET"] = SECRET
    assert "`inspector reindex` reads it again" in cli("show", "latest").out
