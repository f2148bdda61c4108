"""Text for terminals and logs."""

from __future__ import annotations

import io
import json

import pytest

from webhook_kit.printing import PrintableStream, described, printable, without_secrets

DANGEROUS = [
    "\x1b[2J",
    "\x07",
    "\r",
    "\x00",
    "\x7f",
    "\x9b2J",
    "\u202e",
    "\u2066",
    "\u200f",
    "\u2028",
    "\ufeff",
    "\ud83c",
    "\U000e0041",
]


@pytest.mark.parametrize("text", DANGEROUS, ids=ascii)
def test_what_controls_a_terminal_is_escaped(text: str) -> None:
    shown = printable(f"a{text}b")
    assert shown.startswith("a\\u")
    assert shown.isprintable()
    assert printable(shown) == shown
    assert json.loads(f'"{shown}"') == f"a{text}b", "JSON stays the same"


@pytest.mark.parametrize("text", ["Käse", "Pizza 🍕", "👨‍👩‍👧", "قهوة", "a\tb\nc", "…→"])
def test_other_text_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("GET https://ann:pw@pos.example/a failed", "GET https://…@pos.example/a failed"),
        ("rediss://:pw@host:6380/0: refused", "rediss://…@host:6380/0: refused"),
        ("https://b.example/c.json?X-Amz-Signature=abc&X-Amz-Date=1: 403", "https://b.example/c.json?… 403"),
        ("exceeded with url: /v1/items?api_key=abc (Caused by X)", "exceeded with url: /v1/items?… (Caused by X)"),
        ("('https://pos.example?token=a')", "('https://pos.example?…')"),
        ("https://ann:p@w@pos.example/a", "https://…@pos.example/a"),
        ("https://b.example/a?ids[]=1&sig=abc: 403", "https://b.example/a?… 403"),
        ("https://b.example/a?=1&sig=abc", "https://b.example/a?…"),
        ("https://b.example/a#access_token=abc", "https://b.example/a#…"),
        ("see main.py#L10 and issue #4 = open", "see main.py#L10 and issue #4 = open"),
        ("ann@example.org asks: why? a=b", "ann@example.org asks: why? a=b"),
    ],
)
def test_addresses_lose_users_and_queries(given: str, shown: str) -> None:
    assert without_secrets(given) == shown


def test_error_is_described_without_secrets() -> None:
    assert described(ValueError("https://u:p@h/x?y=z")) == "ValueError('https://…@h/x?…')"


def test_long_error_is_cut_off_and_no_secret_is_left_half() -> None:
    for length in range(1_900, 2_100):
        shown = described(ValueError("x" * length + " https://user:topsecret@h/" + "y" * 1_000_000))
        assert len(shown) <= 2_000
        assert "tops" not in shown


def test_stream_escapes_what_is_written_and_is_the_stream_otherwise() -> None:
    inner = io.StringIO()
    stream = PrintableStream(inner)
    stream.write("a\x1b[2J\n")
    stream.writelines(["\u202e", "b"])
    assert inner.getvalue() == "a\\u001b[2J\n\\u202eb"
    assert stream.isatty() is False
