"""Every block of README, docs pages and the READMEs of adapters and examples is run or read; commands in test_documentation.py."""

from __future__ import annotations

import configparser
import json
import re
import sys
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask, jsonify, request
from pydantic import BaseModel, Field, SecretStr
from sybil import Document
from sybil.parsers.markdown import PythonCodeBlockParser

import webhook_kit
from tests.cli.shell import ORDER
from tests.cli.shell import shell as shell  # noqa: PLC0414 - a fixture
from tests.scenario.documented import ROOT, Block, blocks
from tests.scenario.installation import Installation
from tests.scenario.installation import installation as installation  # noqa: PLC0414 - a fixture
from webhook_kit import Store
from webhook_kit.adapter import Placed
from webhook_kit.gett.models.order import PlaceOrderRequest
from webhook_kit.kit import Kit
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.sandbox.server import serve
from webhook_kit.stores.adapters import require_usable
from webhook_kit.stores.table import parse_store
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.local_kit import LocalKit

READ: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
    "ini": lambda text: configparser.ConfigParser().read_string(text),
}
"""Reader of each language of data."""

TESTED = {
    ("README.md", "python"): "test_adapter_of_the_readme_places_an_order",
    ("docs/archive.md", "sql"): "tests/operations/archive/test_tables_documentation.py",
    ("docs/building-a-catalog.md", "python"): "tests/catalog/test_builder_exports.py",
    ("docs/cookbook.md", "python"): "tests/examples/test_tax_inclusive_pos.py",
    ("docs/outbox.md", "python"): "test_updates_and_availability_of_the_pages_are_accepted",
    ("docs/publishing.md", "python"): "test_updates_and_availability_of_the_pages_are_accepted",
    ("docs/sandbox.md", "python"): "test_tests_of_the_sandbox_page_pass",
    ("docs/writing-an-adapter.md", "python"): "test_code_of_the_guide_works",
}
"""Test that runs the blocks of a page that need something; other Python runs as it is."""

BLOCKS = blocks()
DATA = [block for block in BLOCKS if block.language in READ]
PYTHON = sorted({block.page for block in BLOCKS if block.language == "python"} - {page for page, _ in TESTED})
COMMAND = re.compile(r"^ *(\$ |(webhook-kit|pip|export|python3?|curl|git|make|heroku|docker) )", re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block.page}-{block.language}-{block.number}")
def test_a_block_is_of_a_kind_that_is_tested(block: Block) -> None:
    if block.language in ("", "text"):
        assert not COMMAND.search(block.text), "commands are tested in a block of the language sh"
    elif (block.page, block.language) not in TESTED:
        assert block.language in ("sh", "python", *READ), (
            f"no test runs or reads {block.language}: add one to TESTED or READ"
        )


@pytest.mark.parametrize(
    ("block", "test"), TESTED.items(), ids=lambda each: " ".join(each) if isinstance(each, tuple) else ""
)
def test_the_named_test_is_there(block: tuple[str, str], test: str) -> None:
    page, language = block
    assert any((each.page, each.language) == block for each in BLOCKS), f"{page} has no block of {language}"
    assert test in globals() or page.rpartition("/")[2] in (ROOT / test).read_text()


@pytest.mark.parametrize("block", DATA, ids=lambda block: f"{block.page}-{block.language}-{block.number}")
def test_data_can_be_read(block: Block) -> None:
    READ[block.language](block.text)


@pytest.mark.parametrize("block", [block for block in DATA if "[stores." in block.text], ids=attrgetter("page"))
def test_store_of_a_page_can_be_served(block: Block, installation: Installation) -> None:
    for store_id, table in tomllib.loads(block.text.replace("…", "x" * 40))["stores"].items():
        require_usable(parse_store(store_id, table))


@pytest.mark.parametrize("page", PYTHON)
def test_python_of_a_page_runs(page: str) -> None:
    assert execute(page)


def execute(page: str, **names: Any) -> list[dict[str, Any]]:
    """Run each Python block of a page with these names, and return what each has defined."""
    results = []
    for example in Document.parse(str(ROOT / page), PythonCodeBlockParser()):
        example.namespace = dict(names)
        example.evaluate()
        results.append(example.namespace)
    return results


# -- blocks that need something ----------------------------------------------------------------------------------------


def test_adapter_of_the_readme_places_an_order(capsys: pytest.CaptureFixture[str]) -> None:
    (names,) = execute("README.md")
    pos, store = names["TinyPos"](), Store("main", "", "tiny")
    assert pos.fetch_catalog(store).items
    assert pos.place_order(store, PlaceOrderRequest.model_validate(ORDER), "key") == Placed("key")


def test_updates_and_availability_of_the_pages_are_accepted(installation: Installation) -> None:
    it, later = installation, datetime.now(UTC) + timedelta(hours=1)
    it.placed("REF")
    it.placed("OTHER")
    kit = Kit(it.kit.settings.model_copy(update={"pos_adapter": None, "gett_store_id": None, "public_url": "http://x"}))
    kit.catalog_sync.sync(kit.stores.get("main-street"))
    orders = {"order": "REF", "another_order": "OTHER", "ready_at": later, "tomorrow": later}
    execute("docs/outbox.md", Kit=SimpleNamespace(from_env=lambda: kit), **orders)
    assert len(kit.lanes.all_waiting()) == 4
    execute("docs/publishing.md", kit=kit, tonight=later)


def test_tests_of_the_sandbox_page_pass(webhook_kit_local: LocalKit, webhook_kit_sandbox: GettSandbox) -> None:
    store = webhook_kit_local.store
    names = {
        "my_url": webhook_kit_local.url,
        "my_catalog": BogusAdapter().fetch_catalog(store),
        "my_store_id": store.gett_id,
    }
    of_a_partner, of_an_order = execute("docs/sandbox.md", GettSandbox=GettSandbox, **names)
    of_a_partner["test_my_partner"](webhook_kit_sandbox)
    of_an_order["test_an_order_from_placement_to_ready"](webhook_kit_local, webhook_kit_sandbox)


def test_code_of_the_guide_works(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, attribute, value in (("my_pos", "MyPos", BogusAdapter), ("my_pos_fake", "FakePos", object)):
        module = ModuleType(name)
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, name, module)
    front_door = {name: getattr(webhook_kit, name) for name in webhook_kit.__all__}
    configured, tests = execute(
        "docs/writing-an-adapter.md", **front_door, BaseModel=BaseModel, Field=Field, SecretStr=SecretStr
    )
    assert tests["TestMyPos"].adapter is BogusAdapter
    app = Flask("pos")
    app.get("/status")(lambda: jsonify(open=request.headers["Authorization"] == "Bearer t"))
    adapter = type("Complete", (configured["MyPos"], BogusAdapter), {})()
    with serve(app) as url:
        store = Store("main", "", "x", options={"base_url": url}, credentials={"token": "t"})
        assert adapter.store_status(store) == "open"
