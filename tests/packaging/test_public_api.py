"""The public API is the committed one; a change that breaks callers is named, with what to do."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import griffe
import pytest

ROOT = Path(__file__).parents[2]
make_api = runpy.run_path(str(ROOT / "scripts" / "make_api.py"))


def parsed(text: str) -> griffe.Module:
    return griffe.visit("webhook_kit", Path("docs/public-api.txt"), text)


def changed_attributes(before: griffe.Object | griffe.Alias, now: griffe.Object | griffe.Alias) -> Iterator[str]:
    """Yield each attribute with another type or value; griffe compares only functions and classes."""
    for name, member in before.members.items():
        other = now.members.get(name)
        if isinstance(member, griffe.Attribute) and isinstance(other, griffe.Attribute):
            texts = [f"{each.annotation} = {each.value}".removeprefix("None = ") for each in (member, other)]
            if texts[0] != texts[1]:
                yield f"- `{member.path}`: *Attribute was changed*: `{texts[0]}` -> `{texts[1]}`"
        elif other is not None:
            yield from changed_attributes(member, other)


def advice(before: str, now: str) -> str:
    """Return the changes of the public API that break callers, and what to do; empty when nothing has changed."""
    old, new = parsed(before), parsed(now)
    found = griffe.find_breaking_changes(old, new)
    breaking = [each.explain(griffe.ExplanationStyle.MARKDOWN) for each in found] + list(changed_attributes(old, new))
    if breaking:
        what_to_do = (
            "if that is meant: raise the version in setup.cfg (the second number before 1.0, then the first) unless it was raised since the "
            "last release, say in CHANGELOG.md and docs/upgrading.md what callers have to change, and run `make api`"
        )
        return "\n".join(["the public API has changed so that callers break:", *breaking, what_to_do])
    lines = list(unified_diff(before.splitlines(), now.splitlines(), "public-api.txt", "now", n=1, lineterm=""))
    what_to_do = (
        "the public API has changed, and no call of before fails: write the news into CHANGELOG.md, and run `make api`"
    )
    return "\n".join([what_to_do, *lines]) if lines else ""


def test_the_public_api_is_the_committed_one() -> None:
    change = advice(make_api["FILE"].read_text(encoding="utf-8"), make_api["public_api"]())
    assert not change, change


BEFORE = (
    "class A:\n\n    def f(self, x: int, *, y: int=1) -> int:\n        ...\n\nclass B(StrEnum):\n    OPEN = 'open'\n"
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("x: int, ", "", "A.f"),
        ("x: int", "z: int", "A.f(x)"),
        ("y: int=1", "y: int", "A.f(y)"),
        ("y: int=1", "y: int=2", "A.f(y)"),
        ("def f", "def g", "A.f"),
        ("class A", "class C", "A"),
        ("'open'", "'opened'", "B.OPEN"),
        ("(StrEnum)", "", "StrEnum"),
    ],
)
def test_a_change_that_breaks_callers_is_named(old: str, new: str, said: str) -> None:
    change = advice(BEFORE, BEFORE.replace(old, new))
    assert "callers break" in change
    assert said in change.splitlines()[1]
    assert "make api" in change


@pytest.mark.parametrize(
    ("old", "new"), [("y: int=1", "y: int=1, z: int=2"), ("class B", "class C:\n    ...\n\nclass B")]
)
def test_a_change_that_breaks_nobody_is_shown(old: str, new: str) -> None:
    change = advice(BEFORE, BEFORE.replace(old, new))
    assert "no call of before fails" in change
    assert new.splitlines()[0] in change


def test_only_public_names_count(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/api-a.md").write_text(
        "# a\n\n::: webhook_kit.A\n\n::: webhook_kit.B\n    options:\n      members: [f]\n"
    )
    (tmp_path / "webhook_kit").mkdir()
    source = "class A:\n    x = 1\n    'Documented.'\n    _y = 2\n    def _f(self): ...\nclass B:\n    def f(self): return 1\n    def g(self): ...\n"
    (tmp_path / "webhook_kit/__init__.py").write_text(source)
    text = make_api["public_api"](tmp_path).removeprefix(make_api["HEAD"]).strip()
    assert text == "class A:\n    x = 1\n\nclass B:\n\n    def f(self):\n        ..."
