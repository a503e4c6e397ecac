"""The payload of each PacSpace event as a model: the one source of its fields' documentation.

No delivery is held against them: the public pages contradict each other, and no live delivery was
ever observed. Imported only where fields are described: pydantic costs 50 ms.
"""

from typing import Any

from pydantic import BaseModel, Field

Number = int | float


class Payload(BaseModel):
    """The `data` of an event; the base of all, and the whole of an event without public payload."""


def _field(doc: str, grade: str, items: str | None) -> Any:
    # `items` documents what is inside a list or a free object, whatever its keys.
    return Field(default=None, description=doc, json_schema_extra={"grade": grade, "items": items})


def documented(doc: str, items: str | None = None) -> Any:
    """A field on a documentation page."""
    return _field(doc, "documented", items)


def sdk(doc: str, items: str | None = None) -> Any:
    """A field of the SDK's types only."""
    return _field(doc, "sdk", items)


def inferred(doc: str) -> Any:
    """A field that the documentation describes without giving its name."""
    return _field(doc, "inferred", None)


class Delta(Payload):
    customerId: str | None = documented("Customer whose usage changed.")  # noqa: N815
    amount: Number | None = documented("Size of the change; may be negative and fractional.")
    reason: str | None = documented("Why it was recorded, e.g. usage_charge.")
    referenceId: str | None = documented("Your own reference, e.g. an invoice.")  # noqa: N815
    metadata: dict[str, Any] | None = documented("Your own metadata.", "Your own metadata.")
    submittedAt: str | None = documented("When it was submitted, ISO 8601.")  # noqa: N815


class Proof(Payload):
    proofHash: str | None = documented("Hash that proves the delta; 0x-hex.")  # noqa: N815
    contentHash: str | None = documented("Hash of the delta's content; 0x-hex.")  # noqa: N815
    itemHashes: list[Any] | None = documented(  # noqa: N815
        "Hashes of the items, with contentHash among them.", "Hash of one item; 0x-hex."
    )
    previousProofHash: str | None = documented(  # noqa: N815
        "Proof hash before this one: the chain's link."
    )


class Verification(Payload):
    verified: bool | None = documented("Whether the verification succeeded.")
    latencyMs: int | None = documented("How long it took, in milliseconds.")  # noqa: N815
    discrepancies: list[Any] | None = documented("What did not agree.", "One discrepancy.")


class Period(Payload):
    id: str | None = documented("Period, e.g. 2026-02 or per_2026_02.")
    deltaCount: int | None = documented("Deltas in the period so far.")  # noqa: N815
    netDelta: Number | None = documented("Sum of the period's deltas.")  # noqa: N815


class Usage(Payload):
    plan: str | None = documented("Your PacSpace plan.")
    includedDeltas: int | None = documented("Deltas included in the plan.")  # noqa: N815
    consumedDeltas: int | None = documented("Deltas used so far.")  # noqa: N815
    remainingDeltas: int | None = documented("Deltas left in the plan.")  # noqa: N815
    overageRate: str | Number | None = documented(  # noqa: N815
        "Price beyond the plan; a text such as $0.010/delta, or a number."
    )


class DeltaVerified(Payload):
    """Two shapes in one: nested in the documentation, flat in the SDK, with `delta` a number."""

    receiptId: str | None = documented("Receipt: rcpt_ id or 0x proof hash.")  # noqa: N815
    deltaIndex: int | None = documented("Place in the chain; may be null.")  # noqa: N815
    status: str | None = documented("Always verified here.")
    verifiedAt: str | None = documented("When it was verified, ISO 8601.")  # noqa: N815
    verificationId: str | None = documented("Verification: ver_ id or 0x hash.")  # noqa: N815
    delta: Delta | Number | None = sdk("Size of the change, where the payload is flat.")
    proof: Proof | None = documented("Proof packet.")
    verification: Verification | None = documented("Result of the verification.")
    period: Period | None = documented("Period that the delta falls in.")
    usage: Usage | None = documented("Use of your PacSpace plan.")
    recordId: str | None = sdk("Record that the delta belongs to.")  # noqa: N815
    verificationReference: str | None = sdk("Reference of the verification.")  # noqa: N815
    customerId: str | None = sdk("Customer whose usage changed.")  # noqa: N815
    sequenceNumber: str | None = sdk("Place in the sequence, as text.")  # noqa: N815
    referenceId: str | None = sdk("Your own reference.")  # noqa: N815
    blockTimestamp: str | None = sdk("When it was committed, as text.")  # noqa: N815


class DeltaFailed(Payload):
    recordId: str | None = sdk("Record that the delta belongs to.")  # noqa: N815
    customerId: str | None = sdk("Customer whose usage was to change.")  # noqa: N815
    delta: Number | None = sdk("Size of the change.")
    error: str | None = sdk("What went wrong.")
    failedAt: str | None = sdk("When it failed.")  # noqa: N815


class DeltaStored(Payload):
    startIndex: int | None = inferred("First delta index stored.")  # noqa: N815
    count: int | None = inferred("How many deltas were stored.")
    verified: bool | None = inferred("Verification confirmation.")


class FactVerified(Payload):
    contentHash: str | None = inferred("Hash of the fact's content.")  # noqa: N815
    proofHash: str | None = inferred("Hash that proves the fact.")  # noqa: N815
    verified: bool | None = inferred("Verification confirmation.")


class CheckpointVerified(Payload):
    fromIndex: int | None = documented("First delta index covered.")  # noqa: N815
    toIndex: int | None = documented("Last delta index covered.")  # noqa: N815
    proofHash: str | None = inferred("Hash that proves the checkpoint.")  # noqa: N815
    message: str | None = inferred("Advice to put the proof hash on invoices.")


class RecordTransferred(Payload):
    receiptId: str | None = inferred("Receipt of the transfer.")  # noqa: N815
    verified: bool | None = inferred("Verification confirmation.")


class RecordCommitted(Payload):
    receiptId: str | None = sdk("Receipt of the commit.")  # noqa: N815
    status: str | None = sdk("Status of the record.")
    verifiedAt: str | None = sdk("When it was verified.")  # noqa: N815
    verificationId: str | None = sdk("Verification of the commit.")  # noqa: N815
    itemCount: int | None = sdk("How many items were committed.")  # noqa: N815
    records: list[Any] | None = sdk("Records committed.", "One record committed.")
    verification: dict[str, Any] | None = sdk("Result of the verification.")


class RecordFailed(Payload):
    recordType: str | None = sdk("Type of the record.")  # noqa: N815
    entityId: str | None = sdk("Entity that the record is about.")  # noqa: N815
    seq: int | None = sdk("Place in the entity's sequence, from 0.")
    code: str | None = sdk("Reason for programs, e.g. RECORD_GENESIS_MISMATCH.")
    sentence: str | None = sdk("Reason for humans.")


_MODELS: dict[str, type[Payload]] = {
    "delta.verified": DeltaVerified,
    "delta.failed": DeltaFailed,
    "delta.stored": DeltaStored,
    "fact.verified": FactVerified,
    "checkpoint.verified": CheckpointVerified,
    "record.transferred": RecordTransferred,
    "record.committed": RecordCommitted,
    "record.failed": RecordFailed,
}


def model_of(event: str | None) -> type[Payload]:
    """The event's model; the bare `Payload` where no payload is public, or the event is unknown."""
    return _MODELS.get(event or "", Payload)
