"""Why a signature does not match, in short: what a delivery carries as its reason.

Only words come from here. A verdict is `invalid` before this module is asked.
"""

from inspector.providers.pacspace import guesses
from inspector.providers.pacspace.form import digests, flaw
from inspector.providers.parts import Parts


def mismatch(
    parts: Parts, signature: str, timestamp: bytes, keys: guesses.Keys, secrets: int, aged: str
) -> str:
    """One or two sentences on a signature header that matches none of the keys."""
    wrong = flaw(signature)
    tried = "the secret" if len(keys) == 1 else f"any of {len(keys)} secrets"
    sent = list(digests(signature))
    found = guesses.found(parts, timestamp, keys, secrets, sent, wrong, thorough=False)
    if guess := next(found, None):
        return f"Does not match {tried}: {guess.cause}."
    if wrong:
        return f"The signature is {wrong}; lower-case hex after v1= is expected."
    return (
        f"Does not match {tried} (timestamp {aged} at capture): either it was signed with another"
        " endpoint's secret, or the body or the timestamp was changed on the way."
    )
