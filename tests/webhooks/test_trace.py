"""Trace ids: that of a well-formed traceparent, else a new one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.webhooks.trace import is_traced, trace_id

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize("given", [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-later"])
def test_trace_id_of_a_traceparent_is_used(given: str) -> None:
    assert trace_id(given) == TRACE
    assert is_traced(given)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        TRACE,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN}",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01, 00-{TRACE}-{SPAN}-01",
    ],
)
def test_anything_else_gets_a_new_trace_id(given: str | None) -> None:
    assert not is_traced(given)
    made = {trace_id(given), trace_id(given)}
    assert len(made) == 2
    assert TRACE not in made
    assert all(re.fullmatch("[0-9a-f]{32}", trace) for trace in made)


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"))
def test_trace_id_has_always_32_hex_digits(given: str) -> None:
    assert re.fullmatch("[0-9a-f]{32}", trace_id(given))
