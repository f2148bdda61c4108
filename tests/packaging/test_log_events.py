"""The page of the log events is that of the source, and every event has a meaning."""

from __future__ import annotations

from scripts import make_log_events


def test_page_is_current() -> None:
    assert make_log_events.PAGE.read_text(encoding="utf-8") == make_log_events.page(), (
        "run python scripts/make_log_events.py"
    )


def test_each_call_has_a_level_a_component_and_a_constant_event() -> None:
    for call in make_log_events.log_calls_in_source():
        assert call.level in ("debug", "info", "warning", "error", "critical"), call
        assert call.component, call
        assert "(" not in call.event, call


def test_meaning_is_a_sentence() -> None:
    for event, meaning in make_log_events.meanings().items():
        assert meaning.endswith("."), event
        assert "|" not in meaning, event
