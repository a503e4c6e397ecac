"""Secrets in headers."""

from inspector.domain.redact import MASK, masked


def test_secret_values_are_masked_and_their_names_told() -> None:
    headers = (("Cookie", "a=b"), ("X", "y"), ("AUTHORIZATION", "Bearer t"), ("cookie", ""))
    assert masked(headers) == (
        (("Cookie", MASK), ("X", "y"), ("AUTHORIZATION", MASK), ("cookie", MASK)),
        ("cookie", "authorization"),
    )


def test_without_secrets_nothing_changes() -> None:
    assert masked((("X", "y"),)) == ((("X", "y"),), ())
