"""The table of endpoints."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module

from webhook_kit import operations
from webhook_kit.console.api.endpoints import ACTIONS, READS


def test_every_action_has_an_endpoint() -> None:
    offered = {each.function for each in ACTIONS}
    missing = {
        name
        for module in pkgutil.iter_modules(operations.__path__, "webhook_kit.operations.")
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction)
        if list(inspect.signature(function).parameters)[:2] == ["kit", "actor"]
        and "why" in inspect.signature(function).parameters
        and function not in offered
        and not name.startswith("_")
    }
    # Two are parts of actions, two record them, and two take longer than a request may.
    assert missing == {"acknowledge", "forget_customer", "record", "recorded", "start_job", "sync_catalogs"}


def test_every_endpoint_has_a_summary_and_a_path_and_name_of_its_own() -> None:
    endpoints = (*READS, *ACTIONS)
    assert all(each.summary for each in endpoints)
    assert len({each.path for each in endpoints}) == len({each.name for each in endpoints}) == len(endpoints)
