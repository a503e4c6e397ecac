"""Secrets in the keyring of the operating system, where its library is installed and it works.

No method raises: backends fail in manners of their own, and there is a file for what they refuse.
"""

from contextlib import suppress

SERVICE = "inspector"


def put(user: str, secret: str) -> bool:
    """Keep a secret there, and see that it is; False where that cannot be."""
    try:
        # Its import is dear, and the library is there for those who want it.
        import keyring

        # Below that are backends that do nothing, ask on the terminal, or write a plain file.
        if keyring.get_keyring().priority < 1:
            return False
        keyring.set_password(SERVICE, user, secret)
        return keyring.get_password(SERVICE, user) == secret
    except Exception:
        return False


def get(user: str) -> str | None:
    """The secret, or None: it is not there, or the keyring is locked or out of reach."""
    try:
        import keyring

        return keyring.get_password(SERVICE, user)
    except Exception:
        return None


def drop(user: str) -> None:
    """Take it away, if it is there."""
    with suppress(Exception):
        import keyring

        keyring.delete_password(SERVICE, user)
