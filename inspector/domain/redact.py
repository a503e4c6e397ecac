"""Secrets in headers, masked before they are shown or leave the machine."""

from inspector.domain.headers import Headers

MASK = "••••"
"""Stands for a masked value. No header that was sent can hold it: those are Latin-1."""

# Values of these give access to something; they are shown when the user asks.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "cookie",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        # Not signatures but the secrets themselves, of GitLab and of Telegram.
        "x-gitlab-token",
        "x-telegram-bot-api-secret-token",
    }
)


def is_secret(name: str) -> bool:
    """Whether values of that header are masked, whatever its case."""
    return name.lower() in SECRET_HEADERS


def mask(value: str) -> str:
    """What stands for a value where how long it is may be told."""
    return f"{MASK} ({len(value)} characters)"


def masked(headers: Headers) -> tuple[Headers, tuple[str, ...]]:
    """(the headers with `MASK` for each secret value, the names masked: lower-case, each once)."""
    names = dict.fromkeys(name.lower() for name, _ in headers if is_secret(name))
    if not names:
        return headers, ()
    pairs = tuple((name, MASK if name.lower() in names else value) for name, value in headers)
    return pairs, tuple(names)
