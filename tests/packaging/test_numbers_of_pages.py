"""Numbers in the texts of pages are those of the code."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from tests.packaging.named_in_pages import ROOT
from webhook_kit.gett import signing
from webhook_kit.operations import alert_rules
from webhook_kit.operations.archive import database, findings, open_archive
from webhook_kit.outbox import sending_state
from webhook_kit.outbox.retry_policy import RetryPolicy
from webhook_kit.placement import recovery, token
from webhook_kit.settings import Settings
from webhook_kit.storage import clock

_SETTINGS = Settings.model_fields

NUMBERS: list[tuple[str, str, Any]] = [
    ("docs/concepts.md", r"Gett allows (\d+) writes a minute", _SETTINGS["gett_writes_per_minute"].default),
    ("docs/images/flow-order.svg", r"asks the POS every (\d+) s", recovery._RETRY_AFTER),
    ("docs/images/flow-order.svg", r"a token for (\d+) minutes", token._LIFETIME / 60),
    ("docs/runbook.md", r"A sync worker asks the POS every (\d+) s", recovery._RETRY_AFTER),
    ("docs/runbook.md", r"an order has been in doubt for (\d+) s", alert_rules.IN_DOUBT_AFTER),
    ("docs/runbook.md", r"in doubt has failed for (\d+) minutes", alert_rules._LOOKUPS_FAIL_AFTER / 60),
    ("docs/runbook.md", r"has waited for (\d+) minutes although", alert_rules._OLDEST_AFTER / 60),
    ("docs/runbook.md", r"has been open for (\d+) minutes", alert_rules._GETT_FAILS_AFTER / 60),
    ("docs/runbook.md", r"429, for (\d+) minutes", alert_rules._QUOTA_AFTER / 60),
    ("docs/runbook.md", r"(\d+)% of `maxmemory`", 100 * alert_rules._MEMORY),
    ("docs/runbook.md", r"a channel has failed for (\d+) minutes", alert_rules._CHANNEL_AFTER / 60),
    ("docs/runbook.md", r"the long-term archive for (\d+) minutes", findings._BEHIND / 60),
    ("docs/archive.md", r"After (\d+) minutes of lag", findings._BEHIND / 60),
    (
        "docs/archive.md",
        r"ends after (\d+) s, and a connection",
        inspect.signature(open_archive).parameters["statement_seconds"].default,
    ),
    ("docs/archive.md", r"and a connection after (\d+) s", database._CONNECT_SECONDS),
    ("docs/runbook.md", r"a clock is more than (\d+) s off", clock.TOLERANCE),
    ("docs/runbook.md", r"From (\d+) s on, Gett's webhooks are refused", signing.MAX_AGE_SECONDS),
    ("docs/security.md", r"its body after more than (\d+) s", signing.MAX_AGE_SECONDS),
    ("docs/errors.md", r"at most (\d+) s, or what `Retry-After` says", RetryPolicy().max_delay),
    ("docs/errors.md", r"(Five) failures in a row", {5: "Five"}.get(sending_state._FAILURE_THRESHOLD)),
]


@pytest.mark.parametrize(("page", "pattern", "value"), NUMBERS, ids=lambda each: str(each)[:60])
def test_a_number_is_that_of_the_code(page: str, pattern: str, value: object) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    found = re.findall(pattern, text)
    assert found, f"{page} does not say {pattern}"
    assert {each if each.isalpha() else float(each) for each in found} == {value}
