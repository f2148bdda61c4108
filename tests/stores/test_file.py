"""Configured stores of the environment and of a file; every mistake is reported at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from tests.stores.conftest import G1, G3, G4
from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, StoresUnavailable
from webhook_kit.settings import Settings
from webhook_kit.stores import StoreDirectory, file
from webhook_kit.stores.file import FileStores, as_toml
from webhook_kit.stores.table import parse_store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE, wait_until

TWO = """
[stores.main-street]
gett_id = "11111111-1111-4111-8111-111111111111"
adapter = "bogus"
timezone = "America/New_York"
fulfillment_types = ["Pickup"]
[stores.main-street.credentials]
token = "topsecret"
[stores.main-street.options]
terminal = 3
[stores.harbour]
gett_id = "21111111-1111-4111-8111-111111111111"
adapter = "webhook_kit.testing.bogus:BogusNative"
name = "At the harbour"
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], StoreDirectory]:
    def from_file(text: str) -> StoreDirectory:
        path = tmp_path / "stores.toml"
        path.write_text(text)
        return StoreDirectory.from_settings(Settings(stores_file=path))

    return from_file


def mistakes(make: Callable[[], object]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert "topsecret" not in str(caught.value)
    return list(caught.value.mistakes)


def test_environment_configures_one_store() -> None:
    settings: dict[str, Any] = {"pos_adapter": "bogus", "gett_store_id": G1, "store_timezone": "Europe/Berlin"}
    settings |= {"store_options": {"tax": True}, "store_credentials": {"token": "topsecret"}}
    directory = StoreDirectory.from_settings(Settings(**settings))
    (store,) = directory
    assert (store.id, store.gett_id, store.name, store.timezone.key) == ("main", G1, "main", "Europe/Berlin")
    assert (store.options, store.credentials) == ({"tax": True}, {"token": "topsecret"})
    assert store.fulfillment_types is None
    assert "topsecret" not in repr(store)
    assert type(directory.adapter(store)) is BogusAdapter


def test_file_configures_many_stores_each_with_its_own_options(read: Callable[[str], StoreDirectory]) -> None:
    directory = read(TWO)
    assert [store.id for store in directory] == ["main-street", "harbour"]
    main, harbour = directory.by_gett_id(G1), directory.by_id("harbour")
    assert main is not None
    assert harbour is not None
    assert (main.timezone, main.fulfillment_types) == (ZoneInfo("America/New_York"), frozenset({"Pickup"}))
    assert (main.credentials, main.options, main.name) == ({"token": "topsecret"}, {"terminal": 3}, "main-street")
    assert (harbour.name, harbour.options, harbour.timezone) == ("At the harbour", {}, ZoneInfo("UTC"))
    assert directory.adapter(main) is not directory.adapter(harbour)
    assert directory.by_gett_id(G3) is directory.by_id(G1) is None


def test_every_mistake_of_a_file_is_reported_with_its_place(read: Callable[[str], StoreDirectory]) -> None:
    messages = mistakes(
        lambda: read(
            '[stores.a]\nadapter = "bogus"\ntimezone = "Mars"\nspelt_wrong = 1\n'
            '[stores.b]\ngett_id = ""\nadapter = "bogus"\n[stores.b.credentials]\ntoken = ["topsecret"]\n'
            "[stores]\nc = 7\n".replace("[stores]\nc = 7\n", "")
        )
    )
    assert sorted(mistake.split("stores.toml: ")[1].split(":")[0] for mistake in messages) == [
        "stores.a.spelt_wrong",
        "stores.a.timezone",
        "stores.b.credentials.token",
        "stores.b.gett_id",
    ]


def test_duplicate_gett_ids_and_unusable_adapters_are_all_reported(
    read: Callable[[str], StoreDirectory],
) -> None:
    table = '[stores.{0}]\ngett_id = "{1}"\nadapter = "{2}"\n'
    stores = [("a", G1, "bogus"), ("b", G1, "bogus"), ("c", G3, "unheard-of"), ("d", G4, "unheard_of:Pos")]
    messages = mistakes(lambda: read("".join(table.format(*store) for store in stores)))
    assert len(messages) == 3
    assert messages[0] == f"Gett's store id {G1} belongs to two stores: a and b"
    assert any("'unheard-of' is not installed" in mistake for mistake in messages)
    assert any("there is no module 'unheard_of'" in mistake for mistake in messages)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "stores = 3",
        "[stores]",
        "[store.a]\ngett_id = 'g'",
        "this is no TOML",
        "[stores.a]\n[stores.a]\n",
        "\x00",
        "a=" + "[" * 100_000,
    ],
)
def test_file_without_stores_is_a_mistake(text: str, read: Callable[[str], StoreDirectory]) -> None:
    (mistake,) = mistakes(lambda: read(text))
    assert mistake.startswith("STORES_FILE ")


def test_misspelled_table_beside_the_stores_is_a_mistake(read: Callable[[str], StoreDirectory]) -> None:
    (mistake,) = mistakes(lambda: read('[store.b]\nadapter = "bogus"\n[stores.a]\nadapter = "bogus"\n'))
    assert mistake.endswith("stores.toml: store: is not read; each table is a [stores.<your store id>]")


def test_options_that_nest_too_deeply_are_a_mistake(read: Callable[[str], StoreDirectory]) -> None:
    text = '[stores.one]\nadapter = "bogus"\noptions = {{a = {}}}'
    assert read(text.format("[" * 20 + "]" * 20)).by_id("one") is not None
    (mistake,) = mistakes(lambda: read(text.format("[" * 300 + "]" * 300)))
    assert mistake.endswith("stores.one.options: nests deeper than 32")


def test_store_that_is_not_a_table_is_a_mistake(read: Callable[[str], StoreDirectory]) -> None:
    (mistake,) = mistakes(lambda: read("[stores]\na = 7\n"))
    assert "stores.a" in mistake


def test_missing_or_binary_file_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name, why in (
        ("nothing", "No such file"),
        (".", "Is a directory"),
        ("binary", "is not UTF-16; save the file as UTF-8"),
    ):
        settings = Settings(stores_file=tmp_path / name)
        (mistake,) = mistakes(partial(StoreDirectory.from_settings, settings))
        assert mistake.startswith("STORES_FILE ")
        assert why in mistake


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_file_with_a_byte_order_mark_is_read(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / "stores.toml"
    file.write_bytes(TWO.replace("At the harbour", "Café").encode(encoding))
    assert [store.name for store in FileStores(file)] == ["main-street", "Café"]


def test_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (mistake,) = mistakes(lambda: FileStores(tmp_path / "pipe"))
    assert mistake.endswith("pipe: is not a regular file")


def test_directory_without_configured_stores_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POS_ADAPTER", "STORES_FILE", "GETT_STORE_ID", "STORES_SOURCE"):
        monkeypatch.delenv(name, raising=False)
    directory = StoreDirectory.from_settings(Settings())
    assert list(directory) == []
    assert directory.by_gett_id("g") is directory.by_id("main") is None


def test_store_that_is_not_at_gett_has_an_empty_gett_id(read: Callable[[str], StoreDirectory]) -> None:
    directory = read('[stores.a]\nadapter = "bogus"\n[stores.b]\nadapter = "bogus"\n')
    assert [store.gett_id for store in directory] == ["", ""]
    assert directory.by_gett_id("") is None


def overwrite(path: Path, text: str) -> None:
    """Write a file with a later modification time, however coarse the clock of the file system is."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000_000, before + 1_000_000_000))


def test_changed_file_is_reloaded_and_an_invalid_one_is_rejected(
    read: Callable[[str], StoreDirectory], tmp_path: Path, events: list[MutableMapping[str, Any]]
) -> None:
    directory, path = read(TWO), tmp_path / "stores.toml"
    overwrite(path, TWO.replace("harbour", "market"))
    wait_until(lambda: directory.by_id("market") is not None)
    assert directory.by_id("harbour") is None
    overwrite(
        path,
        TWO
        + '[stores.bad]\nadapter = "unheard-of"\ngett_id = "91111111-1111-4111-8111-111111111111"\ntimezone = "Mars"\n',
    )
    wait_until(lambda: directory.by_id("market") and any(event["event"] == "stores_file_rejected" for event in events))
    assert [store.id for store in directory] == ["main-street", "market"]
    (rejected,) = (event for event in events if event["event"] == "stores_file_rejected")
    assert any("stores.bad.timezone" in mistake for mistake in rejected["mistakes"])
    path.unlink()
    wait_until(
        lambda: directory.by_id("market") and sum(event["event"] == "stores_file_rejected" for event in events) == 2
    )
    assert len(list(directory)) == 2
    assert "topsecret" not in str(events)


def test_exported_stores_are_read_back_unchanged(read: Callable[[str], StoreDirectory]) -> None:
    stores = list(read(TWO))
    text = as_toml(stores)
    assert list(read(text)) == stores
    without_credentials = as_toml(stores, credentials=False)
    assert "topsecret" not in without_credentials
    assert [store.options for store in read(without_credentials)] == [store.options for store in stores]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=12)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


PRINTABLE = st.text(st.characters(codec="utf-8", categories=["L", "N", "S"]), min_size=1, max_size=12)


@given(
    st.dictionaries(
        PRINTABLE,
        st.tuples(
            st.dictionaries(NAMES, PRINTABLE, max_size=2),
            st.dictionaries(NAMES, VALUES, max_size=2),
            st.none() | st.frozensets(PRINTABLE, min_size=1, max_size=2),
            st.sampled_from(["UTC", "Europe/Berlin"]),
            PRINTABLE,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_store_is_exported_and_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, Any]
) -> None:
    names = ("credentials", "options", "fulfillment_types", "timezone", "name")
    try:
        stores = [
            parse_store(
                store_id, {"gett_id": str(uuid4()), "adapter": "bogus", **dict(zip(names, values, strict=True))}
            )
            for store_id, values in tables.items()
        ]
    except ConfigurationError:
        reject()
    path = tmp_path_factory.mktemp("stores") / "stores.toml"
    path.write_text(as_toml(stores), encoding="utf-8", newline="")
    assert list(FileStores(path)) == stores


def test_no_webhook_waits_for_a_file_that_is_read_again(
    read: Callable[[str], StoreDirectory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    events: list[MutableMapping[str, Any]],
) -> None:
    directory, began, release, original = read(TWO), threading.Event(), threading.Event(), file._read

    def slow(path: Path) -> list[Store]:
        began.set()
        assert release.wait(PATIENCE)
        return original(path)

    monkeypatch.setattr(file, "_read", slow)
    monkeypatch.setattr(file, "_CHECK_INTERVAL", 0.0)
    (tmp_path / "stores.toml").write_text(f'{TWO}\n[stores.new]\ngett_id = "{G3}"\nadapter = "bogus"\n')
    assert directory.by_gett_id(G1) is not None
    assert began.wait(PATIENCE)
    assert directory.by_gett_id(G1) is not None
    with pytest.raises(StoresUnavailable):  # and no final 404
        directory.by_gett_id(G3)
    release.set()
    wait_until(lambda: not directory._file_is_rejected())
    assert directory.by_gett_id(G3) is not None
