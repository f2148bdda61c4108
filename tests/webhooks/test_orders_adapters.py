"""An adapter that cannot be loaded makes its store unavailable for a while; the store is never unknown, which would be final."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.webhooks.webhook_client import STORE_ID, WebhookClient, expect_problem, order
from webhook_kit.adapter import Store
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.stores import directory, file
from webhook_kit.stores.adapters import load_adapter
from webhook_kit.stores.cipher import new_key
from webhook_kit.testing.processes import wait_until

WORKING = "from webhook_kit.testing.bogus import BogusAdapter\nclass Pos(BogusAdapter): pass\n"
BROKEN = {
    "syntax": WORKING + "def (\n",
    "NUL": WORKING + "\0",
    "import": "raise OSError('no network')",
    "exit": "import sys; sys.exit(3)",
    "dependency": "import no_such_module",
    "class renamed": "",
    "another class": "class Pos: pass",
    "abstract": "from webhook_kit import PosAdapter\nclass Pos(PosAdapter): pass",
    "constructor": WORKING + "    def __init__(self): raise ValueError('no')\n".replace("    ", " "),
    "no file": None,
}


class Module:
    """The module of a vendor's adapter, whose code changes."""

    def __init__(self, folder: Path) -> None:
        self.name = f"vendor_{uuid4().hex}"
        self.spec = f"{self.name}:Pos"
        self.path = folder / f"{self.name}.py"

    def deploy(self, code: str | None) -> None:
        """Replace the code, as a new process would load it."""
        load_adapter.cache_clear()
        sys.modules.pop(self.name, None)
        self.path.unlink(missing_ok=True)
        if code is not None:
            self.path.write_text(code)
        importlib.invalidate_caches()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = Module(tmp_path)
    yield module
    load_adapter.cache_clear()


def expect_unavailable(client: WebhookClient) -> None:
    for response in (client.validate(order()), client.place(order(), str(uuid4()))):
        problem = expect_problem(response, 503, ErrorCode.SERVICE_UNAVAILABLE)
        assert (problem["retryable"], "Retry-After" in response.headers) == (True, True)
    assert client.post(f"pos/{client.spec}/events", b"{}", {}).status_code == 503  # type: ignore[attr-defined]


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_store_of_a_vendors_directory_is_unavailable(
    code: str | None, module: Module, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    module.deploy(code)
    source = f"{module.name}_stores"
    module.path.with_stem(source).write_text(
        "from webhook_kit import Store\nfrom webhook_kit.stores.source import FixedStores\n"
        "class Stores(FixedStores):\n def __init__(self):\n  super().__init__()\n"
        f"  self._by_id = {{'main': Store('main', {STORE_ID!r}, {module.spec!r})}}\n"
        f"  self._by_gett_id = {{{STORE_ID!r}: self._by_id['main']}}\n"
    )
    client = make_client(pos_adapter=None, gett_store_id=None, stores_source=f"{source}:Stores")
    client.spec = module.spec  # type: ignore[attr-defined]
    expect_unavailable(client)
    module.deploy(WORKING)
    monkeypatch.setattr(directory, "_RETRY_LOADING", 0.0)
    assert client.validate(order()).status_code == 200


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_saved_store_is_unavailable(
    code: str | None, module: Module, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    module.deploy(WORKING)
    settings: dict[str, Any] = {"key_prefix": f"t{uuid4().hex}:", "pos_adapter": None, "gett_store_id": None}
    settings["webhook_kit_key"] = [new_key()]
    make_client(**settings).kit.stores.add(Store("main", STORE_ID, module.spec))
    module.deploy(code)
    client = make_client(**settings)
    client.spec = module.spec  # type: ignore[attr-defined]
    expect_unavailable(client)
    module.deploy(WORKING)
    monkeypatch.setattr(directory, "_RETRY_LOADING", 0.0)
    monkeypatch.setattr(directory, "_MAX_AGE_IF_MISSING", 0.0)
    assert client.validate(order()).status_code == 200


def test_record_that_tells_nothing_may_be_of_any_store(make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(pos_adapter=None, gett_store_id=None)
    expect_problem(client.validate(order()), 404, ErrorCode.STORE_NOT_FOUND)
    client.kit.redis.hset(client.kit.keys.stores, "other", "{not json")
    client.kit.redis.set(client.kit.keys.stores_version, uuid4().hex)
    client.kit.stores._expire_snapshot()
    expect_problem(client.validate(order()), 503, ErrorCode.SERVICE_UNAVAILABLE)


def test_new_store_of_a_file_with_a_mistake_is_unavailable(
    module: Module, make_client: Callable[..., WebhookClient], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(file, "_CHECK_INTERVAL", 0.0)
    path, table = tmp_path / "stores.toml", '[stores.{}]\ngett_id = "{}"\nadapter = "{}"\n'
    other = table.format("other", "21111111-1111-4111-8111-111111111111", "bogus")
    path.write_text(other)
    client = make_client(pos_adapter=None, gett_store_id=None, stores_file=path)
    client.spec = module.spec  # type: ignore[attr-defined]
    expect_problem(client.validate(order()), 404, ErrorCode.STORE_NOT_FOUND)
    module.deploy("def (")
    path.write_text(other + table.format("main", STORE_ID, module.spec))
    expect_unavailable(client)
    module.deploy(WORKING)
    monkeypatch.setattr(file, "_RETRY_INTERVAL", 0.0)
    wait_until(lambda: client.validate(order()).status_code == 200)
