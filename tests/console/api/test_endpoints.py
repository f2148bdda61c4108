"""The table of endpoints."""

from __future__ import annotations

from webhook_kit.console.api.endpoints import ACTIONS, READS
from webhook_kit.operations import actions, store_actions


def test_every_action_has_an_endpoint() -> None:
    functions = {*actions.__all__, *store_actions.__all__} - {"ActionOutcome", "recorded"}
    assert {each.name for each in ACTIONS} == functions


def test_every_endpoint_has_a_summary_and_a_path_and_name_of_its_own() -> None:
    endpoints = (*READS, *ACTIONS)
    assert all(each.summary for each in endpoints)
    assert len({each.path for each in endpoints}) == len({each.name for each in endpoints}) == len(endpoints)
