"""Every PacSpace event on a public page or in the SDK; unknown names are accepted all the same.

Summaries follow the documentation's "fires when". No event can be switched off at the provider:
every endpoint receives all of them.
"""

from collections.abc import Mapping
from types import MappingProxyType

from inspector.domain.envelope import EventDoc

BOTH_AND_SDK = "documentation (both generations), SDK"
BOTH = "documentation (both generations)"
NEW = "documentation (current)"
NEW_AND_SDK = "documentation (current), SDK"
OLD = "documentation (old)"
SDK = "SDK types only"
LEGACY = "one old subscription sample"

_ROWS = (
    ("delta.verified", BOTH_AND_SDK, "A usage delta is recorded and verified."),
    (
        "delta.failed",
        NEW_AND_SDK,
        "A usage delta reaches a failed state: alert an operator, or retry with corrected input.",
    ),
    ("delta.stored", OLD, "Delta hashes are stored in the verification layer."),
    ("fact.verified", OLD, "A fact is committed and verified."),
    (
        "checkpoint.verified",
        BOTH,
        "A period or window checkpoint is verified, before invoice runs and exports.",
    ),
    ("record.transferred", OLD, "The transfer of a record's ownership is verified."),
    ("record.committed", SDK, "A record is committed; on no documentation page."),
    ("record.failed", SDK, "A record fails; on no documentation page."),
    ("receipt.generated", NEW, "A shareable receipt is generated."),
    ("customer.created", NEW, "A customer record is created in the dashboard."),
    ("customer.shared_record_viewed", NEW, "A customer views a Shared Record link."),
    ("customer.export_downloaded", NEW, "A customer export is downloaded."),
    ("customer.compare_run", NEW, "A comparison is run for a customer record."),
    (
        "customer.step_up_failed_repeatedly",
        NEW,
        "A Shared Record has repeated failed step-up attempts.",
    ),
    ("tenant_domain.activated", NEW, "A tenant domain becomes active."),
    (
        "tenant_domain.cert_renewal_failed",
        NEW,
        "The certificate renewal of a tenant domain needs attention.",
    ),
    ("verification.completed", LEGACY, "Legacy name; no page says when it fires."),
    ("verification.failed", LEGACY, "Legacy name; no page says when it fires."),
)

CATALOGUE: Mapping[str, EventDoc] = MappingProxyType(
    {
        event: EventDoc(event, event.partition(".")[0], summary, source)
        for event, source, summary in _ROWS
    }
)
