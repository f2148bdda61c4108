"""The lexical checks before the JSON parser agree with slow and simple ones."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.webhook_client import order
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.problems import Problem
from webhook_kit.webhooks.parsing import MAX_BYTES, MAX_DEPTH, parse


def result_for(value: Any) -> str:
    """Return the result of parsing an order with this value in an unknown member."""
    return result_of(json.dumps(order(x=value)).encode())


def result_of(raw: bytes) -> str:
    try:
        parse(ExternalOrder, raw)
    except Problem as problem:
        return problem.detail
    return "fine"


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) + max(map(depth, inner), default=0)


def has_nul(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(has_nul, value)) or any(map(has_nul, value.values()))
    return any(map(has_nul, value)) if isinstance(value, list) else "\0" in value if isinstance(value, str) else False


brackets = st.text(alphabet='[]{}"\\ NI9u0\0', max_size=12)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | brackets
)


@st.composite
def nested(draw: st.DrawFn) -> Any:
    """Draw any JSON, often close to the limit of nesting, with lists and objects mixed."""
    value = draw(
        st.recursive(
            leaves,
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(brackets, inner, max_size=3),
            max_leaves=8,
        )
    )
    for wrap in draw(st.lists(st.sampled_from("[{b"), max_size=MAX_DEPTH + 4)):
        value = [value] if wrap == "[" else {draw(brackets): value} if wrap == "{" else [[], value, {}]
    return value


@given(nested())
def test_nesting_and_nul_are_rejected_exactly_as_by_a_slow_check(value: Any) -> None:
    result = result_for(value)
    if depth(value) + 1 > MAX_DEPTH:
        assert result == f"the body nests deeper than {MAX_DEPTH}"
    elif has_nul(value):
        assert result == "NUL characters are not accepted"
    else:
        assert result == "fine"


@pytest.mark.parametrize("pair", [("[", "]"), ('{"y":', "}"), ('[{"y":', "}]"), ('{"y":[', "]}")])
def test_each_layer_of_mixed_brackets_counts_once(pair: tuple[str, str]) -> None:
    layers = pair[0].count("[") + pair[0].count("{")
    fits = (MAX_DEPTH - 1) // layers
    whole = json.dumps(order()).removesuffix("}")
    for times, expected in ((fits, "fine"), (fits + 1, f"the body nests deeper than {MAX_DEPTH}")):
        raw = f'{whole},"x":{pair[0] * times}1{pair[1] * times}}}'
        assert result_of(raw.encode()) == expected


@given(st.binary(max_size=60) | st.text(alphabet='[]{}",:\\019eE+-.NIntrf \0é', max_size=60).map(str.encode))
def test_arbitrary_bytes_raise_only_problems(raw: bytes) -> None:
    assert result_of(raw) != "fine"


@pytest.mark.parametrize(
    ("number", "fine"), [("1" * 39, True), ("1" * 40, False), ("-" + "1" * 39, False), ("0." + "1" * 38, False)]
)
def test_numbers_have_fewer_than_forty_characters(number: str, fine: bool) -> None:
    raw = (json.dumps(order()).removesuffix("}") + f',"x":{number}}}').encode()
    assert (result_of(raw) == "fine") is fine


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * (MAX_BYTES // 2),
        b'"' + b"\\" * MAX_BYTES,
        b'"' * MAX_BYTES,
        b"\\u0000" * (MAX_BYTES // 6),
        b'["' + b"\\" * (MAX_BYTES - 10) + b'\\u0000"]',
        b"[" * MAX_BYTES,
        b"[]" * (MAX_BYTES // 2),
        b'{"' * (MAX_BYTES // 2),
        b"1" * MAX_BYTES,
        b"[" + b"1," * (MAX_BYTES // 2),
    ],
    ids=lambda raw: repr(raw[:6]),
)
def test_no_mebibyte_takes_long_to_reject(raw: bytes) -> None:
    started = time.process_time()
    assert result_of(raw) != "fine"
    assert time.process_time() - started < 5


def test_of_countless_mistakes_the_first_are_listed_and_all_are_counted() -> None:
    raw = json.dumps(order()).replace('"lineItems": [', '"lineItems": [' + "{}," * 50_000).encode()
    with pytest.raises(Problem) as raised:
        parse(ExternalOrder, raw)
    paths = [error.json_path for error in raised.value.errors]
    assert paths == [f"$.cart.lineItems[{number}].itemId" for number in range(len(paths))]
    assert 20 <= len(paths) <= 200
    assert raised.value.detail.endswith(" (and 49999 more)")
