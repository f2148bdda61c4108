"""The example in examples/stores_from_database: stores of the vendor's own database."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from webhook_kit import ConfigurationError, Kit
from webhook_kit.stores.adapters import require_usable
from webhook_kit.testing.processes import wait_until

EXAMPLE = Path(__file__).parents[2] / "examples" / "stores_from_database"


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that executes SQL in the vendor's database, which has two restaurants."""
    monkeypatch.syspath_prepend(EXAMPLE)
    monkeypatch.setenv("VENDOR_DATABASE", str(tmp_path / "vendor.sqlite"))
    schema: str = importlib.import_module("database_stores").SCHEMA

    def execute(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "vendor.sqlite")) as connection, connection:
            connection.executescript(sql)

    execute(schema)
    execute("""
        INSERT INTO restaurants VALUES ('main', '11111111-1111-4111-8111-111111111111', 'Main Street', 'http', 'America/New_York', 'https://a.example', 's1');
        INSERT INTO restaurants VALUES ('park', NULL, 'At the park', 'http', 'UTC', 'https://b.example', 's2');
    """)
    return execute


def test_stores_are_read_from_the_database(database: Callable[[str], None], make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(stores_source="database_stores:DatabaseStores", pos_adapter=None, gett_store_id=None)
    assert [store.id for store in kit.stores] == ["main", "park"]
    main = kit.stores.by_gett_id("11111111-1111-4111-8111-111111111111")
    assert main is not None
    assert (main.name, main.timezone.key, main.options) == (
        "Main Street",
        "America/New_York",
        {"base_url": "https://a.example"},
    )
    require_usable(main)
    assert "s1" not in repr(main)


def test_a_change_takes_effect_without_a_restart(database: Callable[[str], None], make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(stores_source="database_stores:DatabaseStores", pos_adapter=None, gett_store_id=None)
    park = kit.stores.by_id("park")
    assert park is not None
    assert park.gett_id == ""
    database(
        "UPDATE restaurants SET gett_id = '21111111-1111-4111-8111-111111111111', base_url = 'ftp://b.example' WHERE id = 'park'"
    )
    changed = wait_until(
        lambda: kit.stores.by_gett_id("21111111-1111-4111-8111-111111111111"), message="the changed store"
    )
    assert changed is not None
    with pytest.raises(ConfigurationError, match=r"store park: options\.base_url"):
        require_usable(changed)
