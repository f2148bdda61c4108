"""Options and credentials of a store, parsed by the models of its adapter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, SecretStr, model_validator

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.pos.store_config import ConfigField, config_fields, store_mistakes
from webhook_kit.testing.bogus import BogusAdapter


class ConfiguredPos(BogusAdapter):
    class Config(BaseModel):
        base_url: str = Field(pattern="^https?://", description="Address of the POS.")
        mode: Literal["live", "test"] = "live"
        terminals: list[int] = Field(default_factory=list, description="Terminals that print.")
        limit: int | None = None

        @model_validator(mode="after")
        def _limited(self) -> ConfiguredPos.Config:
            if self.mode == "test" and self.limit is None:
                raise ValueError("mode test needs a limit")
            return self

    class Credentials(BaseModel):
        token: SecretStr = Field(description="Access token.", min_length=4)
        former: SecretStr | None = None


GOOD = Store(
    "main",
    "g1",
    "configured",
    options={"base_url": "https://pos", "terminals": ["1", 2]},
    credentials={"token": "t0ps"},
)


def mistakes(**values: Any) -> list[str]:
    return store_mistakes(ConfiguredPos.Config, ConfiguredPos.Credentials, replace(GOOD, **values))


def test_an_adapter_reads_typed_values() -> None:
    pos = ConfiguredPos()
    assert pos.config(GOOD).terminals == [1, 2]
    assert pos.config(GOOD).mode == "live"
    assert pos.credentials(GOOD).token.get_secret_value() == "t0ps"
    assert "t0ps" not in repr(pos.credentials(GOOD))


def test_values_are_parsed_once_per_store_and_again_after_a_change() -> None:
    pos = ConfiguredPos()
    assert pos.config(GOOD) is pos.config(replace(GOOD, options=dict(GOOD.options)))
    changed = replace(GOOD, options={**GOOD.options, "limit": 3})
    assert (pos.config(changed).limit, pos.config(GOOD).limit) == (3, None)


def test_every_mistake_is_reported_with_store_field_and_help() -> None:
    help_text = "; see `webhook-kit adapters show configured`"
    options = {"base_ulr": "https://pos", "mode": "demo", "terminals": [1, {}]}
    assert mistakes(options=options, credentials={"token": "abc", "key": "k"}) == [
        "store main: options.base_ulr is unknown; the adapter configured takes base_url, mode, terminals, limit",
        f"store main: options.base_url is missing (Address of the POS.){help_text}",
        f"store main: options.mode is not valid: Input should be 'live' or 'test'{help_text}",
        f"store main: options.terminals.1 is not valid: Input should be a valid integer{help_text}",
        "store main: credentials.key is unknown; the adapter configured takes token, former",
        f"store main: credentials.token is not valid: Value should have at least 4 items after validation, not 3{help_text}",
    ]
    assert mistakes(options={"base_url": "https://pos", "mode": "test"}) == [
        f"store main: options is not valid: mode test needs a limit{help_text}"
    ]


def test_reading_wrong_values_raises_every_mistake_without_showing_a_secret() -> None:
    wrong = replace(GOOD, credentials={"token": "abc", "password": "topsecret"})
    with pytest.raises(ConfigurationError) as error:
        ConfiguredPos().credentials(wrong)
    assert len(error.value.mistakes) == 2
    assert "abc" not in str(error.value)
    assert "topsecret" not in str(error.value)


def test_an_adapter_that_declares_nothing_accepts_anything() -> None:
    store = Store("main", "g1", "bogus", options={"anything": [1]}, credentials={"any": "secret"})
    assert store_mistakes(BogusAdapter.Config, BogusAdapter.Credentials, store) == []
    assert BogusAdapter().config(store).model_dump() == {"anything": [1]}


def test_fields_are_described_without_the_default_of_a_secret() -> None:
    class Credentials(BaseModel):
        token: SecretStr = SecretStr("t0ps")

    assert config_fields(ConfiguredPos.Config) == [
        ConfigField("base_url", "text", True, "", "Address of the POS."),
        ConfigField("mode", "live | test", False, '"live"', ""),
        ConfigField("terminals", "list of integer", False, "[]", "Terminals that print."),
        ConfigField("limit", "integer", False, "", ""),
    ]
    assert config_fields(Credentials) == [ConfigField("token", "secret", False, "…", "")]


def test_union_is_one_short_mistake() -> None:
    class Unions(BaseModel):
        payment: str | int | None = None
        presets: dict[str, str | int] = Field(default_factory=dict)

    store = replace(GOOD, options={"payment": [1], "presets": {"a": [], "b": 1.5}}, credentials={})
    help_text = "; see `webhook-kit adapters show configured`"
    assert store_mistakes(Unions, BogusAdapter.Credentials, store) == [
        f"store main: options.payment is not valid: it should be text | integer{help_text}",
        f"store main: options.presets is not valid: it should be table of text | integer{help_text}",
    ]
