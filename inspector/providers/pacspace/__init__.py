"""PacSpace: facts and contradictions are in the modules; none of them imports pydantic up front."""

from collections.abc import Mapping, Sequence
from typing import Any

from inspector.domain.delivery import Request
from inspector.domain.envelope import Check, Envelope, EventDoc, Field, Signature
from inspector.providers.pacspace import decode, samples, signature
from inspector.providers.pacspace.catalogue import CATALOGUE
from inspector.providers.parts import Parts


class PacSpace:
    """The provider `pacspace`: stateless, so one instance serves everybody."""

    name: str = decode.NAME
    catalogue: Mapping[str, EventDoc] = CATALOGUE

    def recognise(self, request: Request) -> bool:
        return decode.knows(Parts(request))

    def decode(self, request: Request) -> Envelope:
        return decode.envelope(Parts(request))

    def verify(self, request: Request, secrets: Sequence[str], at: int) -> Signature:
        return signature.verify(Parts(request), secrets, at)

    def explain(self, request: Request, secrets: Sequence[str], at: int) -> tuple[Check, ...]:
        from inspector.providers.pacspace.explain import explain

        return explain(Parts(request), secrets, at)

    def sign(self, request: Request, secret: str, at: int) -> Request:
        return signature.sign(request, secret, at)

    def describe(self, request: Request) -> tuple[Field, ...]:
        # The listener never describes: it must not pay for pydantic at its start.
        from inspector.providers.pacspace.describe import describe

        return describe(Parts(request))

    def sample(
        self, event: str, *, at: int, event_id: str, envelope: str = "docs", data: Any = None
    ) -> Request:
        return samples.sample(event, at=at, event_id=event_id, envelope=envelope, data=data)

    def sample_grade(self, event: str, envelope: str = "docs") -> str:
        """Where the sample payload comes from: `documented`, `sdk`, `inferred` or `synthetic`."""
        from inspector.providers.pacspace.describe import sample_grade

        return sample_grade(event, envelope)

    def sample_notes(self, event: str, envelope: str = "docs") -> tuple[str, ...]:
        """One line a grade with the sample's fields of that grade, for showing beside it."""
        from inspector.providers.pacspace.describe import sample_notes

        return sample_notes(event, envelope)

    def knows(self, parts: Parts) -> bool:
        return decode.knows(parts)

    def event(self, parts: Parts) -> str | None:
        return decode.event_name(parts)

    def envelope(self, parts: Parts) -> Envelope:
        return decode.envelope(parts)

    def signature(self, parts: Parts, secrets: Sequence[str], at: int) -> Signature:
        return signature.verify(parts, secrets, at)


PACSPACE = PacSpace()
