"""The summaries at hand: a bounded cache, and which of those that are missing were asked for."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from inspector.domain.delivery import Delivery

PAGE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Summaries wanted of these ids; those that do not come are not in the store any more."""

    ids: tuple[int, ...]
    generation: int


class Pages:
    """Summaries by id, the latest put or looked at, `capacity` of them.

    `load` is called with each page that is needed; answer with `loaded` or `failed`.
    """

    def __init__(self, load: Callable[[PageRequest], None], capacity: int) -> None:
        self._load = load
        self._capacity = capacity
        self._cache: OrderedDict[int, Delivery] = OrderedDict()
        self._asked: set[int] = set()
        # The stream has told of these what is newer than an answer that is on its way.
        self._overtaken: set[int] = set()
        self._generation = 0

    def reset(self, *, forget: bool) -> None:
        """What was asked for so far is not waited for; `forget` what is at hand, too."""
        self._generation += 1
        self._asked.clear()
        self._overtaken.clear()
        if forget:
            self._cache.clear()

    def __contains__(self, delivery_id: int) -> bool:
        return delivery_id in self._cache

    def get(self, delivery_id: int) -> Delivery | None:
        return self._cache.get(delivery_id)

    def asked(self, delivery_id: int) -> bool:
        """Whether a summary is on its way, which may be older than what the stream says now."""
        return delivery_id in self._asked

    def put(self, delivery: Delivery, *, awaited: bool = False) -> None:
        """Keep a summary that the stream brought; `awaited`: an older one may be on its way."""
        if awaited or delivery.id in self._asked:
            self._overtaken.add(delivery.id)
        self._keep(delivery)

    def _keep(self, delivery: Delivery) -> None:
        self._cache[delivery.id] = delivery
        self._cache.move_to_end(delivery.id)
        while len(self._cache) > self._capacity:
            self._cache.popitem(last=False)

    def remember(self, deliveries: Iterable[Delivery]) -> None:
        """Keep summaries that came with a page; what the stream brought meanwhile is newer."""
        for delivery in deliveries:
            if delivery.id not in self._cache and delivery.id not in self._overtaken:
                self._keep(delivery)

    def want(self, ids: Iterable[int]) -> None:
        """These are looked at: ask for those that are neither at hand nor on their way."""
        missing = []
        for one in ids:
            if one in self._cache:
                # What stands on the screen stays, however much the stream brings.
                self._cache.move_to_end(one)
            elif one not in self._asked:
                missing.append(one)
        for start in range(0, len(missing), PAGE):
            page = tuple(missing[start : start + PAGE])
            self._asked.update(page)
            self._overtaken.difference_update(page)
            self._load(PageRequest(page, self._generation))

    def loaded(self, request: PageRequest, items: Sequence[Delivery]) -> list[int] | None:
        """The answer to a `PageRequest`: the ids that are gone, or None if nobody waits for it."""
        if request.generation != self._generation:
            return None
        self._asked.difference_update(request.ids)
        self.remember(items)
        self._overtaken.difference_update(request.ids)
        came = {delivery.id for delivery in items}
        return [one for one in request.ids if one not in came and one not in self._cache]

    def failed(self, request: PageRequest) -> None:
        """The page did not come; it is asked for again when it is looked at again."""
        if request.generation == self._generation:
            self._asked.difference_update(request.ids)
