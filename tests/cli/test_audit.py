"""``webhook-kit audit``."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.operations.operations_helpers import ADA
from webhook_kit.kit import Kit
from webhook_kit.operations.audit import record

Run = Callable[..., Any]


def test_actions_are_listed_newest_first(run: Run, kit: Kit) -> None:
    assert run("audit").out.strip() == "no actions"
    record(kit, ADA, "link_order", "o1", "typed wrong")
    record(kit, ADA, "retry_now", "order:o1", "", "there is no lane")
    newest, oldest = json.loads(run("audit", "--json").out)
    assert (newest["action"], newest["result"]) == ("retry_now", "there is no lane")
    assert (oldest["who"], oldest["via"], oldest["subject"], oldest["why"]) == ("ada", "console", "o1", "typed wrong")
    assert len(json.loads(run("audit", "--json", "--limit", 1).out)) == 1
    assert [one["action"] for one in json.loads(run("audit", "--json", "--subject", "o1").out)] == ["link_order"]
    assert "typed wrong" in run("audit", "--who", "ada").out
