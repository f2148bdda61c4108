"""Text from outside is well-formed."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from webhook_kit.texts import WellFormed, decode_file, well_formed, well_formed_data, well_formed_json

HALF, PIZZA = "\ud83c", "\U0001f355"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("pizza", "pizza"),
        (f"Käse {PIZZA}", f"Käse {PIZZA}"),
        (f"cut {HALF}", "cut \ufffd"),
        (f"\udf55{HALF}", "\ufffd\ufffd"),
        (f"{HALF}\udf55 in two", f"{PIZZA} in two"),
    ],
)
def test_half_of_a_surrogate_pair_is_replaced(given: str, expected: str) -> None:
    assert well_formed(given) == expected
    assert well_formed_data({given: [given, 1, None]}) == {expected: [expected, 1, None]}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (rb'"\ud83c\udf55"', PIZZA),
        (rb'"\uD83C!"', "\ufffd!"),
        (rb'"\udf55\ud83c"', "\ufffd\ufffd"),
        (rb'"\ud83c\ud83c\udf55"', f"\ufffd{PIZZA}"),
        (rb'"\\ud83c"', r"\ud83c"),
        (rb'"\\\ud83c\""', '\\\ufffd"'),
    ],
)
def test_escapes_in_json_are_replaced(raw: bytes, expected: str) -> None:
    assert json.loads(well_formed_json(raw)) == expected


def test_json_without_halves_stays_as_it_is() -> None:
    raw = json.dumps({"name": f"{PIZZA} \\ud83c", "more": ["\n", "\\"]}).encode()
    assert well_formed_json(raw) == raw


@dataclass(frozen=True, slots=True)
class Note(WellFormed):
    text: str
    number: int = 0


def test_dataclass_keeps_well_formed_texts_only() -> None:
    assert Note(f"cut {HALF}", 3) == Note("cut \ufffd", 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_file_is_read_with_and_without_a_byte_order_mark(encoding: str) -> None:
    assert decode_file("Café".encode(encoding)) == "Café"


@pytest.mark.parametrize(
    ("data", "message"),
    [("Café".encode("cp1252"), "byte 3 is not UTF-8"), (b"\xff\xfea", "byte 2 is not UTF-16")],
)
def test_file_in_another_encoding_is_refused_with_what_to_do(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=f"{message}; save the file as UTF-8"):
        decode_file(data)
