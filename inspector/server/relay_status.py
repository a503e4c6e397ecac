"""How a relay fares, by endpoint: for `/status`, and as figures for `/metrics`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from inspector import __version__
from inspector.domain.delivery import iso
from inspector.server.addresses import Address, Addresses
from inspector.server.health import COUNTER, GAUGE, Measure


class Attached(Protocol):
    """A consumer that is attached: since when (microseconds), and the last id it acknowledged."""

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

    def consumers(self, mailbox: str) -> Mapping[str, int]:
        """The last id that each known consumer has acknowledged."""
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

    def unready(self) -> str:
        if reason := self._unready():
            return reason
        error = self._store.error
        return f"the store cannot commit: {error}" if error else ""

    def status(self) -> dict[str, Any]:
        return {
            "v": 1,
            "kind": "status",
            "version": __version__,
            **self._ready(),
            "store": {"ok": not self._store.error, "error": self._store.error},
            "unknown": self._addresses.unknown,
            "endpoints": [self._endpoint(address) for address in self._sorted()],
        }

    def _sorted(self) -> list[Address]:
        return sorted(self._addresses, key=lambda address: address.settings.name)

    def _endpoint(self, address: Address) -> dict[str, Any]:
        settings, counters = address.settings, address.counters
        usage = self._store.usage(settings.id)
        return {
            "name": settings.name,
            "ack": settings.ack,
            "limits": settings.limits.model_dump(),
            "last": usage.last,
            "stored": usage.held,
            "stored_bytes": usage.size,
            "pending": self._pending(address),
            "expired": self._expired(settings.id),
            "captured": counters.captured,
            "captured_bytes": counters.bytes,
            "refused": dict(counters.refused),
            "limited": dict(counters.limited),
            "under_way": address.under_way,
            "consumers": list(self._consumers(address)),
        }

    def _consumers(self, address: Address) -> Iterator[dict[str, Any]]:
        last = self._store.usage(address.settings.id).last
        attached = {each.consumer: each for each in self._attached(address)}
        known = {**self._store.consumers(address.settings.id)}
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
            }

    def _pending(self, address: Address) -> int:
        """How many stored deliveries are not with every known consumer yet."""
        usage = self._store.usage(address.settings.id)
        lags = [consumer["lag"] for consumer in self._consumers(address)]
        return min(usage.held, max(lags, default=usage.held))

    def measures(self) -> Iterable[Measure]:
        addresses = self._sorted()
        store = self._store

        def each(value: Callable[[Address], float]) -> tuple[tuple[Mapping[str, str], float], ...]:
            return tuple(({"endpoint": a.settings.name}, value(a)) for a in addresses)

        def by_reason(
            counts: Callable[[Address], Mapping[str, int]],
        ) -> tuple[tuple[Mapping[str, str], float], ...]:
            return tuple(
                ({"endpoint": a.settings.name, "reason": reason}, count)
                for a in addresses
                for reason, count in sorted(counts(a).items())
            )

        for name, kind, text, samples in (
            ("captured", COUNTER, "Deliveries on disk.", each(lambda a: a.counters.captured)),
            (
                "captured_bytes",
                COUNTER,
                "Bytes of their bodies.",
                each(lambda a: a.counters.bytes),
            ),
            (
                "refused",
                COUNTER,
                "Requests turned away with a row: too large, cut off, malformed.",
                by_reason(lambda a: a.counters.refused),
            ),
            (
                "limited",
                COUNTER,
                "Requests turned away with 429 or 503 and not stored.",
                by_reason(lambda a: a.counters.limited),
            ),
            (
                "unknown",
                COUNTER,
                "Requests to no endpoint's address.",
                (({}, self._addresses.unknown),),
            ),
            ("probes", COUNTER, "Canaries of consumers.", each(lambda a: a.counters.probed)),
            ("consumers", GAUGE, "Consumers attached.", each(lambda a: len(self._attached(a)))),
            (
                "lag",
                GAUGE,
                "Deliveries that the attached consumer furthest behind has not acknowledged.",
                each(self._lag),
            ),
            (
                "pending",
                GAUGE,
                "Stored deliveries that are not with every known consumer.",
                each(self._pending),
            ),
            (
                "expired",
                COUNTER,
                "Deliveries dropped before every known consumer had them.",
                each(lambda a: self._expired(a.settings.id)),
            ),
            (
                "stored",
                GAUGE,
                "Deliveries stored.",
                each(lambda a: store.usage(a.settings.id).held),
            ),
            (
                "stored_bytes",
                GAUGE,
                "Bytes stored.",
                each(lambda a: store.usage(a.settings.id).size),
            ),
            (
                "stored_limit_bytes",
                GAUGE,
                "Bytes that may be stored; then senders are answered 429.",
                each(lambda a: a.settings.limits.max_stored),
            ),
            ("under_way", GAUGE, "Requests being taken in.", each(lambda a: a.under_way)),
            ("store_ok", GAUGE, "1 while the store commits.", (({}, not store.error),)),
            ("info", GAUGE, "The version, as a label.", (({"version": __version__}, 1),)),
        ):
            yield Measure(f"inspector_relay_{name}", kind, text, samples)

    def _lag(self, address: Address) -> int:
        last = self._store.usage(address.settings.id).last
        return max((last - each.acked for each in self._attached(address)), default=0)
