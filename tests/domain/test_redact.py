"""Secrets in headers."""

from inspector.domain.redact import MASK, is_secret, masked
from inspector.providers.schemes import SCHEMES, Needs


def test_secret_values_are_masked_and_their_names_told() -> None:
    headers = (("Cookie", "a=b"), ("X", "y"), ("AUTHORIZATION", "Bearer t"), ("cookie", ""))
    assert masked(headers) == (
        (("Cookie", MASK), ("X", "y"), ("AUTHORIZATION", MASK), ("cookie", MASK)),
        ("cookie", "authorization"),
    )


def test_a_signature_header_that_is_the_secret_itself_is_masked_and_no_other_one() -> None:
    tokens = {name for name, scheme in SCHEMES.items() if scheme.needs is Needs.TOKEN}
    assert {name for name in SCHEMES if is_secret(name)} == tokens
    assert tokens


def test_without_secrets_nothing_changes() -> None:
    assert masked((("X", "y"),)) == ((("X", "y"),), ())
