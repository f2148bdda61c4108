"""Compression of an order's JSON: what was compressed comes back, and damage is noticed."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.outbox.compression import compress, decompress

ID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
UUIDS = st.uuids().map(str)
TEXTS = st.one_of(st.text(), UUIDS, UUIDS.map(str.upper), st.tuples(st.text(), UUIDS).map("".join))
VALUES = st.recursive(TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))

ORDER = [["accepted", "2.75", "state", "placed"], ["gett_id", ID, "ref", ID], []]
COMPRESSED = "78f9d8883775436dc419e9999b62e6635082456d3523323d502e361600c7bc130e7d0c6d1e3f0a4b7e9a532b8f1c4e6a90"
""":data:`ORDER` in version 1 of the format. If this cannot be read, the archived orders of an installation cannot either."""


@given(VALUES, st.booleans())
def test_json_comes_back(value: object, ensure_ascii: bool) -> None:
    text = json.dumps([value, value], ensure_ascii=ensure_ascii).encode(errors="replace")
    assert decompress(compress(text)) == text


def test_uuids_take_sixteen_bytes_once() -> None:
    uuids = [str(uuid4()) for _ in range(300)]
    once, twice = (len(compress(json.dumps(uuids * times).encode())) for times in (1, 2))
    assert once < 300 * 18
    assert twice - once < 300 * 4
    assert decompress(compress(json.dumps(uuids * 2).encode())) == json.dumps(uuids * 2).encode()


@pytest.mark.parametrize("text", [b'{"a": "b"}', f'["{ID}"]'.encode()])
def test_damage_is_noticed(text: bytes) -> None:
    whole = compress(text)
    for end in range(len(whole)):
        with pytest.raises(ValueError, match=r"damaged|cut"):
            decompress(whole[:end])


def test_compressed_orders_of_earlier_releases_can_be_read() -> None:
    assert json.loads(decompress(bytes.fromhex(COMPRESSED))) == ORDER
