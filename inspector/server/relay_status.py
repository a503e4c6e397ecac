"""How a relay fares, by endpoint: for `/status`, and as figures for `/metrics`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from inspector import __version__
from inspector.domain.delivery import iso
from inspector.server.addresses import Address, Addresses
from inspector.server.health import COUNTER, GAUGE, Measure
from inspector.tunnel.messages import Attempted
from inspector.tunnel.team import attempt_to_json

Samples = tuple[tuple[Mapping[str, str], float], ...]


class Attached(Protocol):
    """A consumer that is attached: since when (microseconds), the last id it acknowledged, and
    how its latest attempt ended."""

    @property
    def consumer(self) -> str: ...
    @property
    def remote(self) -> str: ...
    @property
    def since(self) -> int: ...
    @property
    def acked(self) -> int: ...
    @property
    def primary(self) -> bool: ...
    @property
    def attempted(self) -> Attempted | None: ...


class Usage(Protocol):
    """What is stored for an endpoint: the last number given, deliveries, and their bytes."""

    @property
    def last(self) -> int: ...
    @property
    def held(self) -> int: ...
    @property
    def size(self) -> int: ...


class Kept(Protocol):
    """What the relay's store tells of itself, at once and from memory."""

    @property
    def error(self) -> str:
        """Why it cannot commit now, or nothing."""
        ...

    def usage(self, mailbox: str) -> Usage: ...

    def known(self) -> Mapping[str, Mapping[str, int]]:
        """The last id that each known consumer of each mailbox has acknowledged."""
        ...


class RelayStatus:
    """`expired` counts what was dropped, by endpoint's id, before every known consumer had it;
    `ready` is what the relay says of itself; `unready` says why it takes nothing in, or
    nothing."""

    def __init__(
        self,
        addresses: Addresses,
        attached: Callable[[Address], Sequence[Attached]],
        store: Kept,
        expired: Callable[[str], int],
        unready: Callable[[], str],
        ready: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._addresses = addresses
        self._attached = attached
        self._store = store
        self._expired = expired
        self._unready = unready
        self._ready = ready
        # Of all endpoints as of the last look: with many, a look for each would hold captures up.
        self._known: Mapping[str, Mapping[str, int]] = {}

    def unready(self) -> str:
        if reason := self._unready():
            return reason
        error = self._store.error
        return f"the store cannot commit: {error}" if error else ""

    def status(self) -> dict[str, Any]:
        self._known = self._store.known()
        return {
            "v": 1,
            "kind": "status",
            "version": __version__,
            **self._ready(),
            "store": {"ok": not self._store.error, "error": self._store.error},
            "unknown": self._addresses.unknown,
            "guests": self._addresses.guests,
            "endpoints": [self._endpoint(address) for address in self._sorted()],
        }

    def _sorted(self) -> list[Address]:
        return sorted(self._addresses, key=lambda address: address.settings.name)

    def _endpoint(self, address: Address) -> dict[str, Any]:
        settings, counters = address.settings, address.counters
        usage = self.usage(address)
        return {
            "name": settings.name,
            "ack": settings.ack,
            "limits": settings.limits.model_dump(),
            "last": usage.last,
            "stored": usage.held,
            "stored_bytes": usage.size,
            "pending": self.pending(address),
            "expired": self.expired(address),
            "captured": counters.captured,
            "captured_bytes": counters.bytes,
            "refused": dict(counters.refused),
            "limited": dict(counters.limited),
            "under_way": address.under_way,
            "consumers": list(self._consumers(address)),
        }

    def _consumers(self, address: Address) -> Iterator[dict[str, Any]]:
        last = self.usage(address).last
        attached = {each.consumer: each for each in self._attached(address)}
        known = self._known.get(address.settings.id, {})
        for name in sorted(known.keys() | attached.keys()):
            here = attached.get(name)
            acked = max(known.get(name, 0), here.acked if here else 0)
            yield {
                "consumer": name,
                "attached": here is not None,
                "remote": here.remote if here else None,
                "since": iso(here.since) if here else None,
                "primary": here is not None and here.primary,
                "acked": acked,
                "lag": max(0, last - acked),
                "last_attempt": attempt_to_json(here.attempted) if here else None,
            }

    def measures(self) -> Iterable[Measure]:
        self._known = self._store.known()
        for metric in METRICS:
            yield Measure(
                f"inspector_relay_{metric.name}", metric.kind, metric.help, metric.samples(self)
            )

    def by_endpoint(self, value: Callable[[Address], float]) -> Samples:
        return tuple(
            ({"endpoint": address.settings.name}, value(address)) for address in self._sorted()
        )

    def by_reason(self, counts: Callable[[Address], Mapping[str, int]]) -> Samples:
        return tuple(
            ({"endpoint": address.settings.name, "reason": reason}, count)
            for address in self._sorted()
            for reason, count in sorted(counts(address).items())
        )

    def usage(self, address: Address) -> Usage:
        return self._store.usage(address.settings.id)

    def expired(self, address: Address) -> int:
        return self._expired(address.settings.id)

    def unknown(self) -> Samples:
        return (({}, self._addresses.unknown),)

    def store_ok(self) -> Samples:
        return (({}, not self._store.error),)

    def consumers(self, address: Address) -> int:
        """How many are attached."""
        return len(self._attached(address))

    def pending(self, address: Address) -> int:
        """How many stored deliveries are not with every known consumer yet."""
        lags = [consumer["lag"] for consumer in self._consumers(address)]
        held = self.usage(address).held
        return min(held, max(lags, default=held))

    def lag(self, address: Address) -> int:
        """How many the attached consumer that is furthest behind has not acknowledged."""
        last = self.usage(address).last
        return max((last - each.acked for each in self._attached(address)), default=0)


class _Metric(NamedTuple):
    name: str
    kind: str
    labels: tuple[str, ...]
    help: str
    samples: Callable[[RelayStatus], Samples]


def _each(
    name: str, kind: str, help_: str, value: Callable[[RelayStatus, Address], float]
) -> _Metric:
    """One with a figure for each endpoint."""

    def samples(status: RelayStatus) -> Samples:
        return status.by_endpoint(lambda address: value(status, address))

    return _Metric(name, kind, ("endpoint",), help_, samples)


def _reasons(name: str, help_: str, counts: Callable[[Address], Mapping[str, int]]) -> _Metric:
    """One with a count for each endpoint and reason."""
    labels = ("endpoint", "reason")
    return _Metric(name, COUNTER, labels, help_, lambda status: status.by_reason(counts))


METRICS = (
    _each("captured", COUNTER, "deliveries on disk", lambda _, a: a.counters.captured),
    _each("captured_bytes", COUNTER, "bytes of their bodies", lambda _, a: a.counters.bytes),
    _reasons("refused", "requests turned away with a row", lambda a: a.counters.refused),
    _reasons("limited", "requests turned away without one", lambda a: a.counters.limited),
    _Metric("unknown", COUNTER, (), "requests to no endpoint's address", RelayStatus.unknown),
    _each("probes", COUNTER, "canaries of consumers", lambda _, a: a.counters.probed),
    _each("consumers", GAUGE, "consumers attached", RelayStatus.consumers),
    _each("lag", GAUGE, "deliveries that the slowest of them has not yet", RelayStatus.lag),
    _each("pending", GAUGE, "deliveries stored for somebody who comes later", RelayStatus.pending),
    _each("expired", COUNTER, "deliveries dropped before all had them", RelayStatus.expired),
    _each("stored", GAUGE, "deliveries stored", lambda s, a: s.usage(a).held),
    _each("stored_bytes", GAUGE, "bytes stored", lambda s, a: s.usage(a).size),
    _each("stored_limit_bytes", GAUGE, "what may be", lambda _, a: a.settings.limits.max_stored),
    _each("under_way", GAUGE, "requests being taken in", lambda _, a: a.under_way),
    _Metric("store_ok", GAUGE, (), "1 while the store commits", RelayStatus.store_ok),
    _Metric("info", GAUGE, ("version",), "1", lambda _: (({"version": __version__}, 1),)),
)
"""What `/metrics` tells, each behind `inspector_relay_`."""
