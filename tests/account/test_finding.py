"""Which webhook an address has, and where a webhook may send to."""

import pytest

from inspector.account.dashboard import Listed
from inspector.account.finding import Existing, SecretSource, checked_url, find, same_place
from inspector.domain.base import parse_base
from inspector.errors import UsageError
from inspector.providers.pacspace.management import Webhook

URL = "https://hooks.example.com/pacspace"
ONE, OFF, TWO = Webhook("wh_1", URL), Webhook("wh_2", URL, enabled=False), Webhook("wh_3", URL)
ELSEWHERE = Webhook("wh_4", f"{URL}/elsewhere")


@pytest.mark.parametrize(
    ("there", "kept", "given", "found"),
    [
        ([], [], True, None),
        ([ELSEWHERE], [ELSEWHERE], True, None),
        ([], [ONE], False, None),
        ([ELSEWHERE, ONE], [ONE], False, Existing(ONE, SecretSource.KEPT)),
        ([ONE, TWO], [TWO], True, Existing(TWO, SecretSource.KEPT)),
        ([ONE, TWO], [TWO, ONE], False, Existing(ONE, SecretSource.KEPT)),
        ([OFF, ONE], [OFF, ONE], False, Existing(ONE, SecretSource.KEPT)),
        ([OFF, ONE], [OFF], False, Existing(OFF, SecretSource.KEPT)),
        ([OFF, ONE], [], True, Existing(ONE, SecretSource.GIVEN)),
        ([OFF, ONE], [ELSEWHERE], False, Existing(ONE, SecretSource.UNKNOWN)),
    ],
)
def test_one_whose_secret_is_kept_comes_first_and_of_those_one_that_is_enabled(
    there: list[Webhook], kept: list[Webhook], *, given: bool, found: Existing | None
) -> None:
    assert find(URL, Listed(tuple(there)), kept, given=given) == found


def test_where_there_may_be_more_of_them_one_made_before_counts_as_there() -> None:
    remembered = Existing(ONE, SecretSource.KEPT, remembered=True)
    flawed = Listed((ELSEWHERE,), "page 2 does not come")
    assert find(URL, flawed, [ELSEWHERE, ONE, TWO], given=False) == remembered
    assert find(URL, flawed, [ELSEWHERE], given=True) is None
    listed = Listed((ONE,), flawed.flaw)
    assert find(URL, listed, [TWO], given=True) == Existing(ONE, SecretSource.GIVEN)


@pytest.mark.parametrize(
    "other",
    [f"{URL}/", f" {URL}", "HTTPS://Hooks.Example.com/pacspace", "https://hooks.example.com:443/pacspace"],
)  # fmt: skip
def test_one_place_is_spelled_in_many_ways(other: str) -> None:
    assert same_place(URL, other)


@pytest.mark.parametrize(
    "other",
    ["", "https://[nonsense", f"{URL}?a=1", f"{URL}/2", f"{URL[:-1]}E", "http://hooks.example.com"],
)
def test_another_place_is_another(other: str) -> None:
    assert not same_place(URL, other)
    assert same_place(other, other)


@pytest.mark.parametrize(
    "text",
    [
        "", "hooks.example.com", "https://", "https://x.test:port/", "https://x.test:0/",
        "https://u:p@x.test/", "https://x.test/#f", "https://x.test/a b", "https://[x/", "ftp://x.test/",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_webhook(text: str) -> None:
    with pytest.raises(ValueError, match="https://HOST/PATH"):
        checked_url(text, parse_base("http://localhost"))


def test_without_tls_only_a_stand_in_on_this_machine_is_asked_to_send() -> None:
    assert checked_url(URL, parse_base("https://app.pacspace.io")) == URL
    assert checked_url("http://x.test/", parse_base("http://localhost:8080")) == "http://x.test/"
    with pytest.raises(UsageError, match="https:// only"):
        checked_url("http://x.test/", parse_base("https://app.pacspace.io"))
