"""The balance API: deliveries that the provider sends again."""

import asyncio

from inspector.account.client import Client, NoAnswerError
from inspector.account.refusals import error_of, unsure
from inspector.errors import TargetError
from inspector.providers.pacspace import management

_LOOK = "it may come all the same: look at what arrives before asking again"
_NAMED = "take the X-Event-ID of a delivery: `inspector show ID` has it"


class Balance:
    """The balance API, as the owner of one key."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def redeliver(self, event_id: str) -> None:
        """Ask for one event to be sent again, once, whatever comes back.

        Raises the error of the contract that the answer stands for.
        """
        client, call = self._client, management.retry(event_id)
        host = client.base.host
        try:
            answer = await client.ask(call)
        except NoAnswerError:
            raise TargetError(f"{host} was asked and gave no answer", _LOOK) from None
        except asyncio.CancelledError:
            client.tell(f"{host} was asked: {_LOOK}")
            raise
        refused = management.refusal(answer, client.clock())
        if refused is None:
            return
        missing = f"no event {client.hiding.line(event_id)}"
        error = error_of(refused, client, missing=missing, hint=_NAMED)
        if unsure(refused):
            error.hint = _LOOK
        raise error
