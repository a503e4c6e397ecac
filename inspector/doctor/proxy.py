"""Who stands in between: proxies that this machine is told of, and what is before the relay."""

from collections.abc import Mapping

NONE_USED = "the tunnel goes straight to the relay and uses no proxy"
_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def set_here(environment: Mapping[str, str]) -> list[str]:
    """The variables that name a proxy; their values may hold a password."""
    return [name for name in environment if name.upper() in _VARIABLES and environment[name]]
