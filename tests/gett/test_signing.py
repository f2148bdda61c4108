from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.errors import InvalidSignature
from webhook_kit.gett.signing import API_VERSION, sign, signed_headers, verify, verify_authorization

BODY = '{"cart": "füll"}'.encode()
NOW = 1_769_767_200.5
AT = str(int(NOW))
HEX = 64


def assert_refused(
    body: bytes = BODY,
    signature: str | None = None,
    timestamp: str | None = AT,
    secrets: tuple[str, ...] = ("new", "old"),
) -> str:
    with pytest.raises(InvalidSignature) as caught:
        verify(body, signature, timestamp, secrets, now=NOW)
    return str(caught.value)


def test_signature_covers_the_body_alone() -> None:
    assert sign(BODY, "geheim ü") == hmac.new("geheim ü".encode(), BODY, hashlib.sha256).hexdigest()


def test_signed_headers_are_verified() -> None:
    headers = signed_headers(BODY, "new", now=NOW)
    verify(BODY, headers["Signature"], headers["Timestamp"], ["new"], now=NOW)
    assert headers["API-Version"] == API_VERSION == "2026-01-30"


def test_default_time_is_now() -> None:
    headers = signed_headers(BODY, "new")
    verify(BODY, headers["Signature"], headers["Timestamp"], ["new"])


@pytest.mark.parametrize("secret", ["new", "old"])
def test_secrets_can_be_rotated(secret: str) -> None:
    verify(BODY, sign(BODY, secret), AT, iter(["new", "old"]), now=NOW)
    assert "does not match" in assert_refused(signature=sign(BODY, secret), secrets=("third",))


def test_case_and_spaces_of_a_signature_are_ignored() -> None:
    verify(BODY, f" {sign(BODY, 'new').upper()} ", AT, ["new"], now=NOW)


@pytest.mark.parametrize("offset", [-300, 0, 300])
def test_timestamp_within_five_minutes_is_accepted(offset: int) -> None:
    verify(BODY, sign(BODY, "new"), str(1_769_767_200 + offset), ["new"], now=1_769_767_200)


@pytest.mark.parametrize("offset", [-301, 301, -86_400])
def test_older_or_later_timestamp_is_refused(offset: int) -> None:
    side = "behind" if offset < 0 else "ahead of"
    with pytest.raises(
        InvalidSignature, match=f"the Timestamp is {abs(offset)} s {side} the clock of this host; at most 300 s"
    ):
        verify(BODY, sign(BODY, "new"), str(1_769_767_200 + offset), ["new"], now=1_769_767_200)


@pytest.mark.parametrize(
    "timestamp",
    [
        None,
        "",
        "now",
        "-5",
        "1e9",
        "1769767200.5",
        " 1769767200",
        "１７６９７６７２００",
        "²",
        "9" * 13,
        "9" * 5000,
        "0x10",
        "\ud800",
    ],
)
def test_invalid_timestamp_is_refused(timestamp: str | None) -> None:
    assert "Timestamp" in assert_refused(signature=sign(BODY, "new"), timestamp=timestamp)


@pytest.mark.parametrize("signature", [None, ""])
def test_missing_signature_is_refused(signature: str | None) -> None:
    assert assert_refused(signature=signature) == "the Signature header is missing"


@pytest.mark.parametrize(
    "signature", ["0" * HEX, "ä" * HEX, "\udcff", "\x00", "sha256=" + sign(BODY, "new"), sign(BODY, "new")[:-1], "g"]
)
def test_wrong_signature_is_refused(signature: str) -> None:
    assert assert_refused(signature=signature) == "the Signature does not match the body"


@given(st.text(min_size=1), st.text())
def test_any_header_is_refused_without_a_crash(signature: str, timestamp: str) -> None:
    with pytest.raises(InvalidSignature):
        verify(BODY, signature, timestamp, ["new"], now=NOW)
    with pytest.raises(InvalidSignature):
        verify(BODY, signature, AT, ["new"], now=NOW)
    with pytest.raises(InvalidSignature):
        verify_authorization(signature, ["Bearer something long"])


def test_other_body_is_refused() -> None:
    assert_refused(body=BODY + b" ", signature=sign(BODY, "new"))


def test_without_secrets_everything_is_refused() -> None:
    assert_refused(signature=sign(BODY, ""), secrets=())
    assert_refused(signature=sign(BODY, ""), secrets=("",))


class TestAuthorization:
    @pytest.mark.parametrize("given_header", ["Bearer neu-ü", "Bearer old"])
    def test_each_accepted_value_is_verified(self, given_header: str) -> None:
        verify_authorization(given_header, iter(["Bearer neu-ü", "Bearer old"]))

    @pytest.mark.parametrize("given_header", [None, "", "Bearer", "bearer old", "Bearer old ", "\udcff"])
    def test_other_values_are_refused(self, given_header: str | None) -> None:
        with pytest.raises(InvalidSignature, match="Authorization"):
            verify_authorization(given_header, ["Bearer new", "Bearer old"])

    @pytest.mark.parametrize("accepted", [[], [""]])
    def test_empty_accepted_value_matches_nothing(self, accepted: list[str]) -> None:
        for given_header in (None, ""):
            with pytest.raises(InvalidSignature):
                verify_authorization(given_header, accepted)
