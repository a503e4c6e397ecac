"""Signatures of other senders: by which header they are known, and how their makers say it is done.

None of them is checked here. The words are for people; nothing is computed from them.
"""

import re
from enum import StrEnum
from typing import NamedTuple

_HEX = "[0-9a-f]{64}"
_BASE64 = "[A-Za-z0-9+/]{43}="


class Needs(StrEnum):
    """What a check of the signature would take."""

    SECRET = "the secret that both sides share"
    TOKEN = "nothing but a comparison: the header is the secret itself, not a signature"
    KEY = "the sender's public key"
    URL = "the public address that the sender calls, which a capture does not hold"


class Scheme(NamedTuple):
    """`form` is a pattern of the whole value, `beside` the headers that are part of it."""

    sender: str
    made: str
    form: str
    needs: Needs = Needs.SECRET
    beside: tuple[str, ...] = ()

    def fits(self, value: str) -> bool:
        """Whether the value has the form that the sender gives it."""
        return re.fullmatch(self.form, value.strip()) is not None


_BODY_HEX = "HMAC-SHA256 of the body in hex"
_BODY_BASE64 = "HMAC-SHA256 of the body in base64"
_STANDARD = (
    "HMAC-SHA256 of id, timestamp and body, full stops between them, in base64 after v1,; the key"
    " is what the secret says in base64 after whsec_"
)
_STANDARD_FORM = r"(v1a?,[A-Za-z0-9+/]+=*)( v1a?,[A-Za-z0-9+/]+=*){0,9}"

SCHEMES: dict[str, Scheme] = {
    "x-hub-signature-256": Scheme("GitHub, Meta", f"{_BODY_HEX} after sha256=", f"sha256={_HEX}"),
    "x-hub-signature": Scheme(
        "GitHub, Meta", "HMAC-SHA1 of the body in hex after sha1=", "sha1=[0-9a-f]{40}"
    ),
    "stripe-signature": Scheme(
        "Stripe",
        "HMAC-SHA256 of the timestamp t, a full stop and the body, in hex after v1=",
        r"t=\d+(,v\d=[0-9a-f]+){1,9}",
    ),
    "webhook-signature": Scheme(
        "Standard Webhooks", _STANDARD, _STANDARD_FORM, beside=("webhook-id", "webhook-timestamp")
    ),
    "svix-signature": Scheme(
        "Svix", _STANDARD, _STANDARD_FORM, beside=("svix-id", "svix-timestamp")
    ),
    "x-shopify-hmac-sha256": Scheme("Shopify", _BODY_BASE64, _BASE64),
    "x-slack-signature": Scheme(
        "Slack",
        "HMAC-SHA256 of v0, timestamp and body, colons between them, in hex after v0=",
        f"v0={_HEX}",
        beside=("x-slack-request-timestamp",),
    ),
    "x-twilio-signature": Scheme(
        "Twilio",
        "HMAC-SHA1 of the address and the form's fields in order of their names, in base64",
        "[A-Za-z0-9+/]{27}=",
        Needs.URL,
    ),
    "x-twilio-email-event-webhook-signature": Scheme(
        "SendGrid",
        "ECDSA over timestamp and body, in base64",
        "[A-Za-z0-9+/]+=*",
        Needs.KEY,
        ("x-twilio-email-event-webhook-timestamp",),
    ),
    "x-gitlab-token": Scheme("GitLab", "the secret token as it was set", ".+", Needs.TOKEN),
    "x-gitea-signature": Scheme("Gitea", _BODY_HEX, _HEX),
    "x-wc-webhook-signature": Scheme("WooCommerce", _BODY_BASE64, _BASE64),
    "paypal-transmission-sig": Scheme(
        "PayPal",
        "RSA over transmission id, time, webhook id and the body's CRC-32, in base64",
        "[A-Za-z0-9+/]+=*",
        Needs.KEY,
        ("paypal-transmission-id", "paypal-transmission-time", "paypal-cert-url"),
    ),
    "x-square-hmacsha256-signature": Scheme(
        "Square", "HMAC-SHA256 of the address and the body, in base64", _BASE64, Needs.URL
    ),
    "paddle-signature": Scheme(
        "Paddle",
        "HMAC-SHA256 of the timestamp ts, a colon and the body, in hex after h1=",
        rf"ts=\d+(;h1={_HEX}){{1,9}}",
    ),
    "linear-signature": Scheme("Linear", _BODY_HEX, _HEX),
    "sentry-hook-signature": Scheme("Sentry", _BODY_HEX, _HEX),
    "x-line-signature": Scheme("LINE", _BODY_BASE64, _BASE64),
    "x-signature-ed25519": Scheme(
        "Discord",
        "Ed25519 over timestamp and body, in hex",
        "[0-9a-f]{128}",
        Needs.KEY,
        ("x-signature-timestamp",),
    ),
    "x-telegram-bot-api-secret-token": Scheme(
        "Telegram", "the secret token as it was set", "[A-Za-z0-9_-]{1,256}", Needs.TOKEN
    ),
}
# A name with one of these in it carries a signature of some scheme.
SIGNATURE_WORDS = ("signature", "hmac")
