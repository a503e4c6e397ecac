"""A sample delivery of every catalogue event, in both envelopes.

Values come from the documentation where it gives any. The grade of each field (documented, SDK,
inferred, synthetic) is not said here but by `describe.sample_grade`, from the models.
"""

import json
from collections.abc import Callable
from typing import Any

from inspector.domain.delivery import Request, iso
from inspector.providers.pacspace.catalogue import CATALOGUE
from inspector.providers.pacspace.decode import EVENT_HEADER, ID_HEADER

ENVELOPES = ("docs", "sdk")
_TENANT = "tenant_acme"
_HASH = "0x8f3a9b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7"
_CONTENT = "0x2d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b"
_PREVIOUS = "0x1c7b9d0e2f3041526374859607182930415263748596071829304152637485"
_RECEIPT = "rcpt_a1b2c3d4e5f6"
_VERIFICATION = "ver_x7y8z9"
_CUSTOMER = "cust_8xKj2m"


def sample(
    event: str, *, at: int, event_id: str, envelope: str = "docs", data: Any = None
) -> Request:
    """An unsigned POST to `/` of that event at `at` (microseconds); `data` replaces the payload.

    Raises `ValueError` for an event that is not in the catalogue, an unknown envelope, or data
    that JSON cannot hold.
    """
    if envelope not in ENVELOPES:
        raise ValueError(f"unknown envelope {envelope!r}: one of {', '.join(ENVELOPES)}")
    payload = sample_data(event, at=at, envelope=envelope) if data is None else data
    body = _encoded(_enveloped(event, at, event_id, envelope, payload))
    headers = (
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        (EVENT_HEADER, event),
        (ID_HEADER, event_id),
    )
    return Request("POST", "/", "1.1", headers, body)


def sample_data(event: str, *, at: int, envelope: str = "docs") -> dict[str, Any]:
    """The sample payload of a catalogue event, a new one at each call."""
    if event not in CATALOGUE:
        raise ValueError(f"unknown event {event!r}: see `inspector events`")
    by_envelope = _SDK_DATA if envelope == "sdk" and event in _SDK_DATA else _DATA
    return by_envelope[event](_iso_ms(at))


def _enveloped(event: str, at: int, event_id: str, envelope: str, data: Any) -> dict[str, Any]:
    moment = _iso_ms(at)
    if envelope == "docs":
        return {"event": event, "timestamp": moment, "data": data}
    head = {"id": event_id, "event": event, "tenantId": _TENANT, "createdAt": moment}
    return {**head, "data": data}


def _encoded(body: dict[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(f"the data cannot be sent as JSON: {error}") from error


def _iso_ms(at: int) -> str:
    """UTC with milliseconds, as in the documentation's payloads."""
    return iso(at)[:-4] + "Z"


def _delta_verified(moment: str) -> dict[str, Any]:
    return {
        "receiptId": _RECEIPT,
        "deltaIndex": 1042,
        "status": "verified",
        "verifiedAt": moment,
        "verificationId": _VERIFICATION,
        "delta": {
            "customerId": _CUSTOMER,
            "amount": -42.50,
            "reason": "usage_charge",
            "referenceId": "inv_20260211_001",
            "metadata": {"plan": "growth", "region": "us-east-1"},
            "submittedAt": moment,
        },
        "proof": {
            "proofHash": _HASH,
            "contentHash": _CONTENT,
            "itemHashes": [_CONTENT],
            "previousProofHash": _PREVIOUS,
        },
        "verification": {"verified": True, "latencyMs": 1204, "discrepancies": []},
        "period": {"id": "2026-02", "deltaCount": 1042, "netDelta": -44285.0},
        "usage": {
            "plan": "growth",
            "includedDeltas": 10000,
            "consumedDeltas": 1042,
            "remainingDeltas": 8958,
            "overageRate": "$0.010/delta",
        },
    }


def _delta_verified_sdk(moment: str) -> dict[str, Any]:
    return {
        "recordId": "rec_a1b2c3",
        "receiptId": _RECEIPT,
        "verificationReference": _VERIFICATION,
        "customerId": _CUSTOMER,
        "delta": -42.50,
        "sequenceNumber": "1042",
        "referenceId": "inv_20260211_001",
        "blockTimestamp": moment,
    }


def _delta_failed(moment: str) -> dict[str, Any]:
    return {
        "recordId": "rec_a1b2c3",
        "customerId": _CUSTOMER,
        "delta": -42.50,
        "error": "The delta could not be verified.",
        "failedAt": moment,
    }


def _record_committed(moment: str) -> dict[str, Any]:
    return {
        "receiptId": _RECEIPT,
        "status": "verified",
        "verifiedAt": moment,
        "verificationId": _VERIFICATION,
        "itemCount": 0,
        "records": [],
        "verification": {},
    }


def _record_failed(_: str) -> dict[str, Any]:
    return {
        "recordType": "usage",
        "entityId": _CUSTOMER,
        "seq": 0,
        "code": "RECORD_GENESIS_MISMATCH",
        "sentence": "The first record of this entity does not match its genesis.",
    }


def _checkpoint_verified(_: str) -> dict[str, Any]:
    message = "Include the proof hash in your invoices."
    return {"fromIndex": 1, "toIndex": 1042, "proofHash": _HASH, "message": message}


def _customer(_: str) -> dict[str, Any]:
    return {"customerId": "cust_acme", "displayName": "Acme Corp", "customerHandle": "cus_abc123"}


def _customer_receipt(_: str) -> dict[str, Any]:
    return {"customerId": "cust_acme", "receiptId": "chk_a1b2c3"}


def _domain(_: str) -> dict[str, Any]:
    return {"domain": "verify.example.com"}


_Build = Callable[[str], dict[str, Any]]

_DATA: dict[str, _Build] = {
    "delta.verified": _delta_verified,
    "delta.failed": _delta_failed,
    "delta.stored": lambda _: {"startIndex": 1, "count": 1042, "verified": True},
    "fact.verified": lambda _: {"contentHash": _CONTENT, "proofHash": _HASH, "verified": True},
    "checkpoint.verified": _checkpoint_verified,
    "record.transferred": lambda _: {"receiptId": _RECEIPT, "verified": True},
    "record.committed": _record_committed,
    "record.failed": _record_failed,
    "receipt.generated": _customer_receipt,
    "customer.created": _customer,
    "customer.shared_record_viewed": _customer_receipt,
    "customer.export_downloaded": _customer,
    "customer.compare_run": _customer_receipt,
    "customer.step_up_failed_repeatedly": _customer_receipt,
    "tenant_domain.activated": _domain,
    "tenant_domain.cert_renewal_failed": _domain,
    "verification.completed": lambda _: {"verificationId": _VERIFICATION, "status": "completed"},
    "verification.failed": lambda _: {"verificationId": _VERIFICATION, "status": "failed"},
}
_SDK_DATA: dict[str, _Build] = {"delta.verified": _delta_verified_sdk}
