"""``webhook-kit adapters show``, and stores whose options their adapter does not take."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from webhook_kit import logs
from webhook_kit.adapter import Capability, Store
from webhook_kit.kit import Kit
from webhook_kit.stores.directory import StoreDirectory
from webhook_kit.stores.source import VendorStores
from webhook_kit.testing.bogus import BogusAdapter


class ConfiguredPos(BogusAdapter):
    class Config(BaseModel):
        base_url: str = Field(description="Address of the POS.")
        terminal: int = 1

    class Credentials(BaseModel):
        token: SecretStr = SecretStr("t0ps")


ADAPTER = f"{__name__}:ConfiguredPos"


def test_adapters_are_listed_as_json(run: Callable[..., Any]) -> None:
    bogus = next(each for each in json.loads(run("adapters", "--json").out) if each["name"] == "bogus")
    assert (bogus["package"], bogus["usable"], bogus["guarantee"]) == ("webhook-kit", True, "native")
    assert bogus["capabilities"]["find_order"] == "supported"


def test_an_adapter_is_shown_with_its_fields_and_capabilities(run: Callable[..., Any]) -> None:
    status, out, *_ = run("adapters", "show", ADAPTER)
    assert status == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["base_url", "text", "yes", "Address", "of", "the", "POS."] in lines
    assert ["terminal", "integer", "1"] in lines
    assert ["token", "secret", "…"] in lines
    assert ["find_order", "supported"] in lines
    assert "guarantee of one ticket per order: native" in out
    assert "t0ps" not in out


def test_an_adapter_is_shown_as_json(run: Callable[..., Any]) -> None:
    document = json.loads(run("adapters", "show", ADAPTER, "--json")[1])
    assert (document["name"], document["guarantee"]) == (ADAPTER, "native")
    assert document["capabilities"] == dict.fromkeys(Capability, "supported")
    assert document["options"][0] == {
        "name": "base_url", "type": "text", "required": True, "default": "", "description": "Address of the POS.",
    }  # fmt: skip
    assert [field["name"] for field in document["credentials"]] == ["token"]


def test_an_adapter_without_models_takes_any_field(run: Callable[..., Any]) -> None:
    assert run("adapters", "show", "bogus")[1].splitlines()[-1] == "  any"
    assert run("adapters", "show", "unheard-of")[0] == 1


def test_a_store_with_wrong_options_is_not_added(run: Callable[..., Any], kit: Kit) -> None:
    status, _, err, _ = run("stores", "add", "second", "--adapter", ADAPTER, "--option", "terminal=[]")
    assert status == 1
    assert [line.partition("; ")[0] for line in err.splitlines()] == [
        "webhook-kit: store second: options.base_url is missing (Address of the POS.)",
        "webhook-kit: store second: options.terminal is not valid: Input should be a valid integer",
    ]
    assert kit.stores.by_id("second") is None
    options = ("--option", "base_url=https://pos")
    assert run("stores", "add", "second", "--adapter", ADAPTER, *options)[0] == 0
    status, _, err, _ = run("stores", "edit", "second", "--option", "colour=red")
    assert (status, "options.colour is unknown" in err) == (1, True)


class WrongStores:
    """A vendor's own directory, with a store whose options are wrong."""

    stores = (Store("main", "", ADAPTER), Store("second", "", ADAPTER, options={"base_url": "https://pos"}))

    def __iter__(self) -> Iterator[Store]:
        return iter(self.stores)

    def by_id(self, store_id: str) -> Store | None:
        return next((store for store in self.stores if store.id == store_id), None)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        return next((store for store in self.stores if store.gett_id == gett_store_id), None)


def test_check_reports_wrong_options_of_a_vendors_own_stores(
    run: Callable[..., Any], kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "stores", StoreDirectory(VendorStores(WrongStores())))
    status, _, err, _ = run("check")
    assert status == 1
    assert "store main: options.base_url is missing" in err
    assert "store second" not in err


def test_dev_refuses_wrong_options_before_it_starts_anything(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "configure", lambda *_: None)  # would last for the whole process
    status, out, err, _ = run("dev", ADAPTER, "--option", "terminal=2")
    assert (status, "starting" in out) == (1, False)
    assert "options.base_url is missing" in err


def test_a_store_is_shown_as_json_without_its_credentials(run: Callable[..., Any], kit: Kit) -> None:
    store = json.loads(run("stores", "show", "main", "--local", "--json").out)
    assert (store["store"], store["credentials"], store["onboarding"], store["source"]) == (
        "main",
        [],
        None,
        "configured",
    )
    assert store["options"] == kit.settings.store_options


def test_schemas_are_listed_as_json(run: Callable[..., Any]) -> None:
    assert json.loads(run("schema", "--json").out) == run("schema").out.split()
