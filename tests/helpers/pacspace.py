"""The official SDK as the judge of what we sign and verify, with its clock frozen."""

from types import SimpleNamespace
from typing import Any

import pytest
from pacspace_sdk.errors import WebhookVerificationError  # type: ignore[import-untyped]
from pacspace_sdk.webhooks import Webhooks  # type: ignore[import-untyped]
from pacspace_sdk.webhooks import verify as sdk_module

from inspector.domain.delivery import Request

SECRET = "whsec_test_secret"
AT = 1_739_270_400_000_000


def post(body: bytes, *headers: tuple[str, str], target: str = "/") -> Request:
    return Request("POST", target, "1.1", headers, body)


def sdk_accepts(request: Request, secret: str = SECRET, at: int = AT) -> bool:
    """Whether `Webhooks.verify_from_headers` takes the request at that time (microseconds)."""
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    clock: Any = SimpleNamespace(time=lambda: at / 1_000_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sdk_module, "time", clock)
        try:
            Webhooks(secret).verify_from_headers(headers, request.body.decode())
        except WebhookVerificationError:
            return False
    return True
