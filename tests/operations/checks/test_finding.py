"""Findings: what is wrong and what to do are told apart, for people and for programs alike."""

from __future__ import annotations

from webhook_kit.operations.checks.finding import mistake


def test_a_mistake_has_its_variable_and_what_to_do() -> None:
    finding = mistake("POS_ADAPTER and STORES_FILE cannot be used together; name the adapter; in the file")
    assert (finding.where, finding.advice) == ("POS_ADAPTER", "name the adapter; in the file")
    assert str(finding) == "POS_ADAPTER and STORES_FILE cannot be used together; name the adapter; in the file"


def test_a_mistake_without_advice_stays_as_it_is() -> None:
    finding = mistake("LOG_LEVEL: is not one")
    assert (finding.where, finding.what, finding.advice, str(finding)) == (
        "LOG_LEVEL",
        "LOG_LEVEL: is not one",
        "",
        "LOG_LEVEL: is not one",
    )
