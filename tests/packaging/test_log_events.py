"""The page of the log events is that of the source, and every event has a meaning."""

from __future__ import annotations

import ast

from scripts import make_log_events

LEVELS = {f"log.{level}" for level in ("debug", "info", "warning", "error", "exception", "critical")}


def test_page_is_current() -> None:
    assert make_log_events.PAGE.read_text(encoding="utf-8") == make_log_events.page(), (
        "run python scripts/make_log_events.py"
    )


def test_each_call_has_a_level_a_component_and_a_constant_event() -> None:
    for call in make_log_events.log_calls_in_source():
        assert call.level in ("debug", "info", "warning", "error", "critical"), call
        assert call.component, call
        assert "(" not in call.event, call


def test_no_call_is_hidden_behind_another_name() -> None:
    for path in (make_log_events.ROOT / "webhook_kit").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in LEVELS:
                assert id(node) in called, f"{path.name}:{node.lineno}: call {ast.unparse(node)} where it is named"


def test_meaning_is_a_sentence() -> None:
    for event, meaning in make_log_events.meanings().items():
        assert meaning.endswith("."), event
        assert "|" not in meaning, event
