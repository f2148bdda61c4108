"""Signed headers are accepted by the verification of webhooks."""

from __future__ import annotations

import pytest

from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.signing import verify
from webhook_kit.testing.signer import signed

BODY = '{"a": "é"}'.encode()


def check(headers: dict[str, str], body: bytes = BODY) -> None:
    verify(body, headers["Signature"], headers["Timestamp"], ["other", "secret"])


def test_signed_headers_are_accepted() -> None:
    headers = signed(BODY, "secret")
    check(headers)
    assert "Idempotency-Key" not in headers
    assert headers["API-Version"] == "2026-01-30"


def test_another_body_or_secret_is_rejected() -> None:
    with pytest.raises(InvalidSignature):
        check(signed(BODY, "secret"), BODY + b" ")
    with pytest.raises(InvalidSignature):
        check(signed(BODY, "third"))


@pytest.mark.parametrize("age", [310, -310])
def test_a_stale_signature_is_rejected(age: float) -> None:
    check(signed(BODY, "secret", age=age * 0.9))
    with pytest.raises(InvalidSignature, match="300 s"):
        check(signed(BODY, "secret", age=age))


def test_the_key_becomes_the_idempotency_key_header() -> None:
    assert signed(BODY, "secret", key="k")["Idempotency-Key"] == "k"
