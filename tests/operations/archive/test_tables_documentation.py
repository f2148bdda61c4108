"""Every SQL block of docs/archive.md runs on a real server, and the tables of the page are those of the schema."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from tests.operations.operations_helpers import ADA
from webhook_kit.operations import audit
from webhook_kit.operations.archive.tables import metadata

PAGE = (Path(__file__).parents[3] / "docs" / "archive.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
EXAMPLE = "3f2c7a1e-8f0b-4c7d-9d58-5f0a3c0e6c3b"


def test_every_question_is_answered(env: ArchiveEnv, events: list[MutableMapping[str, Any]]) -> None:
    ref = env.ended()
    audit.record(env.kit, ADA, "retry_now", ref, "jane@example.org called")
    unended = env.place()
    env.deliver(unended)
    env.refuse()
    env.rest()
    env.writer.run()
    answers = []
    for question in QUESTIONS:
        asked = question.replace(EXAMPLE, ref).replace("created < now() - interval '1 day'", "created < now()")
        if asked.startswith("DELETE"):
            asked = asked.replace("interval '2 years'", "interval '-1 day'")
        answers.append(env.rows(asked))
    order, updates, people, items, days, refusals, open_orders = answers[:7]
    assert [row["order_ref"] for row in order] == [ref]
    assert [row["step"] for row in updates] == ["confirmed", "ready", "completed"]
    assert [row["why"] for row in people] == ["jane@example.org called"]
    assert [(row["item"], row["quantity"]) for row in items] == [("cola", 2)]
    assert [(row["placed"], row["refused"], row["turnover"]) for row in days] == [(2, 1, 11)]
    assert [(row["refusal_code"], row["orders"]) for row in refusals] == [("ITEM_UNAVAILABLE", 1)]
    assert [row["order_ref"] for row in open_orders] == [unended]
    assert len(answers) == 11
    for table in ("orders", "updates", "audit"):
        assert env.rows(f"SELECT * FROM webhook_kit.{table}") == []


@pytest.mark.parametrize("table", ["orders", "updates", "audit"])
def test_every_column_is_on_the_page_in_its_order(table: str) -> None:
    [section] = re.findall(rf"\n`{table}`, one row.*?\n\n(\|.*?)\n\n", PAGE, re.DOTALL)
    documented = [name for row in section.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert documented == [column.name for column in metadata.tables[f"webhook_kit.{table}"].columns]
