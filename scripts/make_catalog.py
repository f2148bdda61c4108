"""Writes the tables of docs/catalog.md from the rules: ``python scripts/make_catalog.py``. A test compares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from webhook_kit.catalog.diff import ChangeKind
from webhook_kit.catalog.rules import CatalogRule

PAGE = Path(__file__).parents[1] / "docs" / "catalog.md"


def page(text: str) -> str:
    """The page with its tables as the code has them now."""
    for name, lines in (("rules", _rules()), ("changes", _changes())):
        before, mark, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = "".join([before, mark, *(f"{line}\n" for line in lines), end, after])
    return text


def _rules() -> Iterator[str]:
    yield from ("| rule | severity | what it demands | source | when it is broken |", "|---|---|---|---|---|")
    for rule in CatalogRule:
        yield f"| `{rule}` | {rule.severity} | {rule.meaning} | {rule.source} | {rule.hint} |"


def _changes() -> Iterator[str]:
    yield from ("| kind | what it means |", "|---|---|")
    for kind in ChangeKind:
        yield f"| `{kind}` | {kind.meaning} |"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
