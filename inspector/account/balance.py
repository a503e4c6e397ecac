"""The balance API: deliveries that the provider sends again."""

from inspector.account.client import ApiClient
from inspector.account.refusals import asked_once, error_of, unsure
from inspector.providers.pacspace import management

_LOOK = "it may come all the same: look at what arrives before asking again"
_NAMED = "take the X-Event-ID of a delivery: `inspector show ID` has it"


class Balance:
    """The balance API, as the owner of one key."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def redeliver(self, event_id: str) -> None:
        """Ask for one event to be sent again, once, whatever comes back.

        Raises the error of the contract that the answer stands for.
        """
        client = self._client
        answer = await asked_once(client, management.retry(event_id), "", _LOOK)
        refused = management.refusal(answer, client.clock())
        if refused is None:
            return
        missing = f"no event {client.hiding.line(event_id)}"
        error = error_of(refused, client, missing=missing, hint=_NAMED)
        if unsure(refused):
            error.hint = _LOOK
        raise error
