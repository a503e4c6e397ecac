"""The webhooks of an account: create one, list them, look at one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from inspector.account.client import ApiClient, NoAnswerError
from inspector.account.refusals import asked_once, error_of, unreadable, unsure
from inspector.errors import TargetError
from inspector.providers.pacspace import management
from inspector.providers.pacspace.management import (
    Generation,
    Refusal,
    RefusalKind,
    Webhook,
    WebhookPage,
)

MOST_PAGES = 50
_LOOK = "it may be there all the same: look with `inspector subscribe list` before trying again"
_LOST = (
    "look with `inspector subscribe list`: if it is there, its secret is lost; delete it at "
    "PacSpace, or rotate its secret there and set INSPECTOR_SECRET"
)
_NAMES = "`inspector subscribe list` names them"


class Listed(NamedTuple):
    """`flaw` says why there may be more of them, in a line; it is empty where there are not."""

    webhooks: tuple[Webhook, ...]
    flaw: str = ""


class Dashboard:
    """One generation of the dashboard API, as one account."""

    def __init__(self, client: ApiClient, generation: Generation) -> None:
        self._client = client
        self.generation = generation

    async def webhooks(self) -> Listed:
        """All pages of the list; raises the error of the contract that an answer stands for."""
        return await self._listed(lambda kind: False)

    async def known(self) -> Listed:
        """The same before creating one: a list that cannot be read is a flaw, and no reason not to.

        Who is not let in, or shall wait, would not be let create one either: that is raised.
        """
        told = {RefusalKind.FORBIDDEN, RefusalKind.LIMITED}
        return await self._listed(lambda kind: kind not in told)

    async def show(self, webhook_id: str) -> Webhook:
        """Raises `NotFoundError`, and what else an answer stands for."""
        client, call = self._client, management.show(webhook_id)
        try:
            answer = await client.ask(call)
        except NoAnswerError:
            raise unreadable(client) from None
        found = management.read_webhook(answer, client.clock())
        if isinstance(found, Refusal):
            missing = f"no webhook {client.hiding.line(webhook_id)}"
            raise error_of(found, client, missing=missing, hint=_NAMES)
        return found

    async def create(
        self, url: str, *, description: str = "", events: Sequence[str] = ()
    ) -> Webhook:
        """The new webhook with its secret, asked for once, whatever comes back.

        Raises what the answer stands for; the hint says where it is not known whether the webhook
        is there.
        """
        client = self._client
        call = management.create(self.generation, url, description=description, events=events)
        answer = await asked_once(client, call, " for a webhook", _LOOK)
        made = management.read_created(answer, url, client.clock())
        if not isinstance(made, Refusal):
            assert made.secret is not None
            client.hiding.add(made.secret)
            return made
        if made.kind is RefusalKind.UNREADABLE:
            told = f"{client.base.host} answered {made.status}"
            raise TargetError(f"{told}, and no webhook with its secret is in it", _LOST)
        error = error_of(made, client)
        if unsure(made):
            error.hint = _LOOK
        raise error

    async def _listed(self, forgiven: Callable[[RefusalKind], bool]) -> Listed:
        found: dict[str, Webhook] = {}
        odd, limit = 0, None
        for number in range(1, MOST_PAGES + 1):
            page = await self._page(number, limit)
            if isinstance(page, Refusal):
                error = error_of(page, self._client)
                if not forgiven(page.kind):
                    raise error
                return Listed(tuple(found.values()), error.message)
            new = {each.id: each for each in page.webhooks if each.id not in found}
            found |= new
            odd += page.odd
            limit = page.limit or limit
            if page.pages <= number:
                return Listed(tuple(found.values()), _oddity(odd))
            if not new or page.number != number:
                flaw = f"of its {page.pages} pages, page {number} does not come"
                return Listed(tuple(found.values()), flaw)
        return Listed(tuple(found.values()), f"only {MOST_PAGES} pages of it were read")

    async def _page(self, number: int, limit: int | None) -> WebhookPage | Refusal:
        try:
            answer = await self._client.ask(management.listing(number, limit))
        except NoAnswerError:
            return Refusal(RefusalKind.UNREADABLE, 0, "")
        return management.read_page(answer, self._client.clock())


def _oddity(count: int) -> str:
    if not count:
        return ""
    return f"{count} {'entry' if count == 1 else 'entries'} of it cannot be read"
