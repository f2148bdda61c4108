"""The glossary has each word once, and the words that the code uses for states, guarantees, severities and roles."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.packaging.named_in_pages import ROOT
from webhook_kit.adapter import Capability, Guarantee
from webhook_kit.alert_fields import AlertSeverity
from webhook_kit.operations.actor import Role
from webhook_kit.placement.claims import AttemptOutcome
from webhook_kit.stores.status import Owner

TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
WORDS = [word for row in re.findall(r"^\| (.+?) \|", TEXT, re.MULTILINE) for word in row.split(", ")]


def test_each_word_has_one_meaning() -> None:
    assert [word for word, times in Counter(WORDS).items() if times > 1 and word != "word"] == []


@pytest.mark.parametrize("value", [*AttemptOutcome, *Guarantee, *AlertSeverity, *Role, *Owner], ids=str)
def test_a_word_of_the_code_is_explained(value: str) -> None:
    assert re.search(rf"\b{value.replace('_', ' ')}\b", TEXT), value


def test_capabilities_are_explained_where_adapters_are_written() -> None:
    guide = (ROOT / "docs" / "writing-an-adapter.md").read_text(encoding="utf-8")
    assert [each for each in Capability if f"`{each}`" not in guide and each.upper() not in guide] == []
