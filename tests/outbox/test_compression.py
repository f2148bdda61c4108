"""Compression of an order's JSON: what was compressed comes back, and damage is noticed."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.resources import files
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.outbox.compression import compress, decompress, decompress_first_form

ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
UUIDS = st.uuids().map(str)
TEXTS = st.one_of(st.text(), UUIDS, UUIDS.map(str.upper), st.tuples(st.text(), UUIDS).map("".join))
VALUES = st.recursive(TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))

ORDER = [["accepted", "2.75", "state", "placed"], ["gett_id", ID, "ref", ID], []]
FIRST_FORM = "78f9d8883775436dc419e9999b62e6635082456d3523323d502e361600c7bc130e7d0c6d1e3f0a4b7e9a532b8f1c4e6a90"
SECOND_FORM = (
    "0400850100c241060dd0a503014300455e2521ce9601edcc4e92fd33fb9c1820ec06c06c64546d87d2d6ae0e417a7308a2b8474e1732e9192a"
)
""":data:`ORDER` compressed by zlib, and by zstd. If one cannot be read, the archived orders of an installation cannot either."""
DICTIONARY = "077f4d5f37b53188b4c99e7999db2b63fcf79f74ecde59fbf1d2e6c878d65839"


@given(VALUES, st.booleans(), TEXTS | st.just(ID))
def test_json_comes_back(value: object, ensure_ascii: bool, known: str) -> None:
    text = json.dumps([value, known, value], ensure_ascii=ensure_ascii).encode(errors="replace")
    assert decompress(compress(text, known), known) == text


def test_uuids_take_sixteen_bytes_once() -> None:
    uuids = [str(uuid4()) for _ in range(300)]
    once, twice = (len(compress(json.dumps(uuids * times).encode(), "")) for times in (1, 2))
    assert once < 300 * 18
    assert twice - once < 300 * 4
    assert decompress(compress(json.dumps(uuids * 2).encode(), ""), "") == json.dumps(uuids * 2).encode()


def test_the_known_uuid_is_not_stored() -> None:
    text = json.dumps(ORDER).encode()
    compressed = compress(text, ID)
    assert len(compress(text, "another")) == len(compressed) + 16
    assert bytes.fromhex(ID.replace("-", "")) not in compressed
    assert decompress(compressed, ID) == text


@pytest.mark.parametrize("text", [b'{"a": "b"}', f'["{ID}"]'.encode()])
def test_damage_is_noticed(text: bytes) -> None:
    whole = compress(text, "")
    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"damaged|cut"):
            decompress(whole[:end], "")
    first_form = bytes.fromhex(FIRST_FORM)
    for end in range(len(first_form)):
        with pytest.raises(ValueError, match=r"damaged|cut"):
            decompress_first_form(first_form[:end])


def test_a_changed_text_is_noticed() -> None:
    text = b'{"partner_id": "A-1", "note": "no onions, extra napkins"}'
    whole, noticed = compress(text, ""), 0
    for position in range(len(whole)):
        try:
            restored = decompress(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :], "")
        except ValueError:
            noticed += 1
        else:  # a bit that changes nothing, such as the size of the window
            assert restored == text
    assert noticed > len(whole) - 3


def test_compressed_orders_of_earlier_releases_can_be_read() -> None:
    assert json.loads(decompress_first_form(bytes.fromhex(FIRST_FORM))) == ORDER
    assert json.loads(decompress(bytes.fromhex(SECOND_FORM), ID)) == ORDER


def test_the_dictionary_is_the_one_with_which_orders_were_archived() -> None:
    dictionary = (files("webhook_kit.outbox") / "dictionary.zstd").read_bytes()
    assert sha256(dictionary).hexdigest() == DICTIONARY, "no archived order can be read with another one"
