"""Check of every store's POS."""

from __future__ import annotations

import pytest

from webhook_kit.adapter import StoreState
from webhook_kit.errors import PosUnavailable, Unsupported
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.finding import CheckSeverity
from webhook_kit.operations.checks.pos import check_pos
from webhook_kit.testing.bogus import BogusAdapter


@pytest.mark.parametrize(
    ("outcome", "severity", "text"),
    [
        (StoreState.OPEN, CheckSeverity.INFO, "answers"),
        (PosUnavailable("no route", retry_after=1), CheckSeverity.ERROR, "does not answer: no route"),
        (ValueError("https://u:pw@pos.example"), CheckSeverity.ERROR, "no usable answer"),
        (Unsupported("no"), CheckSeverity.INFO, "cannot ask"),
    ],
)
def test_each_answer_of_a_pos(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, outcome: object, severity: CheckSeverity, text: str
) -> None:
    def store_status(*_: object) -> object:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(BogusAdapter, "store_status", store_status)
    (finding,) = check_pos(kit)
    assert finding.severity is severity
    assert finding.what.startswith("store main: ")
    assert text in finding.what
    assert "pw@" not in finding.what
