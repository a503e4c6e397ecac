"""What a certificate says is read alike by us and by a library that reads every certificate."""

import datetime
import ipaddress
from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.domain.certificate import Certificate, is_for, read_certificate

_KEY = ec.generate_private_key(ec.SECP256R1())
MOMENTS = st.integers(-631_000_000, 253_402_000_000).map(
    lambda at: datetime.datetime.fromtimestamp(at, datetime.UTC)
)
# A name of a certificate has at most 64 bytes.
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40
).filter(lambda text: len(text.encode()) <= 64)
HOSTS = st.from_regex(r"(\*\.)?[a-z0-9]{1,20}(\.[a-z]{2,5}){1,3}", fullmatch=True)


def made(
    subject: str,
    issuer: str,
    begins: datetime.datetime,
    ends: datetime.datetime,
    names: list[x509.GeneralName],
    kind: x509.ObjectIdentifier = NameOID.COMMON_NAME,
) -> bytes:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(kind, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(kind, issuer)]))
        .public_key(_KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(_KEY, hashes.SHA256()).public_bytes(Encoding.DER)


_NOW = datetime.datetime.now(datetime.UTC)
WHOLE = made("A", "B", _NOW, _NOW, [x509.DNSName("a.example")])


def micros(at: datetime.datetime) -> int:
    return int(at.timestamp()) * 1_000_000


@settings(max_examples=60)
@given(subject=TEXTS, issuer=TEXTS, first=MOMENTS, second=MOMENTS, hosts=st.lists(HOSTS))
def test_it_is_read_as_it_was_made(
    subject: str,
    issuer: str,
    first: datetime.datetime,
    second: datetime.datetime,
    hosts: list[str],
) -> None:
    begins, ends = sorted((first, second))
    names = [
        *map(x509.DNSName, hosts),
        x509.RFC822Name("a@b.example"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    found = read_certificate(made(subject, issuer, begins, ends, names))
    expected = (*hosts, "10.0.0.1", "::1")
    assert found == Certificate(subject, issuer, expected, micros(begins), micros(ends))


def test_a_name_is_the_organisations_where_there_is_no_common_one() -> None:
    now = datetime.datetime.now(datetime.UTC)
    found = read_certificate(made("A", "B", now, now, [], NameOID.ORGANIZATION_NAME))
    assert (found.subject, found.issuer, found.names) == ("A", "B", ())
    assert not found.self_issued


@settings(max_examples=300)
@given(data=st.data())
def test_what_is_none_is_refused_and_never_more(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WHOLE) - 1))
    broken = data.draw(
        st.sampled_from(
            [WHOLE[:at], WHOLE[:at] + b"\xff" + WHOLE[at + 1 :], WHOLE[:at] + b"\0" + WHOLE[at:]]
        )
    )
    with suppress(ValueError):
        read_certificate(broken)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(data: bytes) -> None:
    with suppress(ValueError):
        read_certificate(data)


def item(tag: int, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return bytes((tag, len(content))) + content


_EMPTY = item(0x30)
_TIMES = item(0x30, *[item(0x17, b"260101000000Z")] * 2)
_NAMES = item(0x30, item(0x06, bytes.fromhex("551d11")), item(0x04))


@pytest.mark.parametrize(
    "extensions", [item(0xA3), item(0xA3, _EMPTY), item(0xA3, item(0x30, _NAMES))]
)
def test_extensions_with_nothing_in_them_are_refused_or_none(extensions: bytes) -> None:
    parts = (item(0x02, b"\1"), _EMPTY, _EMPTY, _TIMES, _EMPTY, _EMPTY, extensions)
    der = item(0x30, item(0x30, *parts))
    if extensions == item(0xA3, _EMPTY):
        assert read_certificate(der).names == ()
    else:
        with pytest.raises(ValueError, match="empty"):
            read_certificate(der)


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (["a.example"], "a.example", True),
        (["A.Example"], "a.EXAMPLE.", True),
        (["a.example"], "b.example", False),
        (["*.example.com"], "a.example.com", True),
        (["*.example.com"], "example.com", False),
        (["*.example.com"], "a.b.example.com", False),
        (["*.com"], "example.com", False),
        (["10.0.0.1"], "10.0.0.1", True),
        (["::1"], "[::1]", True),
        (["10.0.0.1"], "10.0.0.2", False),
        (["localhost"], "127.0.0.1", False),
        ([], "a.example", False),
    ],
)
def test_whom_it_is_for(names: list[str], host: str, fits: bool) -> None:
    assert is_for(Certificate("", "", tuple(names), 0, 0), host) is fits
