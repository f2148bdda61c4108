"""The key space in the code and in ``docs/redis.md``."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from webhook_kit.storage.keys import Keys
from webhook_kit.storage.operating_keys import OperatingKeys

ROOT = Path(__file__).parents[2]


MEMBERS = {
    name: member
    for name, member in (vars(OperatingKeys) | vars(Keys)).items()
    if not name.startswith("_") and name not in ("lua_table", "prefix")
}


def built_keys() -> dict[str, str]:
    """Every key that the code builds, its arguments blank, and the type that its docstring names."""
    keys, built = Keys(""), {}
    for name, member in MEMBERS.items():
        if isinstance(member, property):
            key = getattr(keys, name)
        else:
            key = member(keys, *[""] * (len(inspect.signature(member).parameters) - 1))
        kind, _, _ = (inspect.getdoc(member) or "").partition(":")
        built[key] = kind.lower()
    return built


def documented_keys() -> dict[str, str]:
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", (ROOT / "docs/redis.md").read_text(), re.MULTILINE)
    return {re.sub("<.+?>", "", key): kind for key, kind in rows}


def test_the_table_of_keys_equals_the_code() -> None:
    assert documented_keys() == built_keys()


def test_no_two_names_build_the_same_key() -> None:
    assert len(built_keys()) == len(MEMBERS)


def test_only_keys_and_the_scripts_loader_use_the_prefix() -> None:
    users = {
        path.relative_to(ROOT / "webhook_kit").as_posix()
        for path in (ROOT / "webhook_kit").rglob("*.py")
        if re.search(r"keys\.prefix", path.read_text())
    }
    assert users <= {"storage/scripts.py", "testing/local_kit.py", "placement/idempotency_store.py"}


def test_ids_with_colons_have_keys_of_their_own() -> None:
    ids = ["a", "a:b", "b", "b:c", "a%3Ab", "", ":"]
    keys = {Keys("p:").pos_order(store, order) for store in ids for order in ids}
    assert len(keys) == len(ids) ** 2
    assert Keys("p:").pos_order("main", "T:1") == "p:pos:main:T:1"
