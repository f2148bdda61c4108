"""Settings: every mistake at once, by the variable's name, and never a secret."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import PricePolicy, Settings, TlsVerify

HIDDEN = "topsecret"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    def from_env(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return Settings.from_env()

    return from_env


@pytest.fixture
def mistakes(read: Callable[..., Settings]) -> Callable[..., list[str]]:
    def of(**variables: str) -> list[str]:
        with pytest.raises(ConfigurationError) as caught:
            read(**variables)
        assert HIDDEN not in str(caught.value)
        assert "\n".join(caught.value.mistakes) == str(caught.value)
        return list(caught.value.mistakes)

    return of


def test_an_empty_environment_will_do_and_so_do_empty_variables(read: Callable[..., Settings]) -> None:
    bare = read()
    assert bare == read(REDIS_URL="", PRICE_TOLERANCE="", GETT_WEBHOOK_SECRETS="", STORE_OPTIONS="", POS_ADAPTER="")
    assert bare.price_policy is PricePolicy.REFUSE
    assert bare.redis_tls_verify is TlsVerify.REQUIRED
    assert bare.require_idempotency_key
    assert not bare.allow_unsigned_webhooks


def test_what_is_read_is_what_was_written(read: Callable[..., Settings]) -> None:
    found = read(
        GETT_WEBHOOK_SECRETS=" new , old ,",
        GETT_API_URL="https://api.example.test/",
        PRICE_TOLERANCE="0.05",
        PRICE_POLICY="pos",
        POS_ADAPTER="bogus",
        GETT_STORE_ID="s",
        STORE_OPTIONS='{"terminal": 3, "name": "x", "rate": 1.5, "on": true}',
        STORE_CREDENTIALS=f'{{"token": "{HIDDEN}"}}',
        WEBHOOK_PREFIX="/gett",
    )
    assert [secret.get_secret_value() for secret in found.gett_webhook_secrets] == ["new", "old"]
    assert found.gett_api_url == "https://api.example.test"
    assert (found.price_tolerance, found.price_policy) == (Decimal("0.05"), PricePolicy.POS)
    assert found.store_options == {"terminal": 3, "name": "x", "rate": 1.5, "on": True}
    assert found.store_credentials["token"].get_secret_value() == HIDDEN


def test_every_mistake_is_told_at_once_and_names_its_variable(mistakes: Callable[..., list[str]]) -> None:
    wrong = {
        "REDIS_URL": f"http://user:{HIDDEN}@host",
        "REDIS_TLS_VERIFY": "maybe",
        "REDIS_MAX_CONNECTIONS": "1",
        "REDIS_TIMEOUT": "0",
        "KEY_PREFIX": "k" * 41,
        "GETT_API_URL": "api.gett-tech.com",
        "WEBHOOK_PREFIX": "gett/",
        "WEBHOOK_DEADLINE": "soon",
        "REQUIRE_IDEMPOTENCY_KEY": "perhaps",
        "PRICE_POLICY": "cheap",
        "PRICE_TOLERANCE": "0.001",
        "STORE_TIMEZONE": "Mars/Olympus",
        "STORE_OPTIONS": f'{{"token": "{HIDDEN}"',
        "STORE_CREDENTIALS": f'["{HIDDEN}"]',
        "POS_MAX_CALLS": "0",
        "IDEMPOTENCY_TTL": "1",
        "LOG_LEVEL": "LOUD",
    }
    assert sorted({mistake.split(":")[0].split("[")[0] for mistake in mistakes(**wrong)}) == sorted(wrong)


def test_every_contradiction_is_told_at_once(mistakes: Callable[..., list[str]]) -> None:
    found = mistakes(
        POS_ADAPTER="bogus",
        STORES_FILE="stores.toml",
        POS_DEADLINE="60",
        WEBHOOK_DEADLINE="20",
        POS_ABANDON_AFTER="30",
    )
    assert [mistake.split()[0] for mistake in found] == [
        "POS_ADAPTER",
        "GETT_STORE_ID",
        "POS_DEADLINE",
        "POS_ABANDON_AFTER",
    ]


@pytest.mark.parametrize("value", ["{", '{"a": 1', "x", "token=y", f'{{"token": "{HIDDEN}",}}'])
def test_json_that_is_none_is_told_with_an_example(value: str, mistakes: Callable[..., list[str]]) -> None:
    assert mistakes(STORE_CREDENTIALS=value) == ['STORE_CREDENTIALS: is no JSON object (example: {"terminal": "3"})']


def test_a_credential_of_the_wrong_type_is_named_and_not_shown(mistakes: Callable[..., list[str]]) -> None:
    (mistake,) = mistakes(STORE_CREDENTIALS=f'{{"token": ["{HIDDEN}"]}}')
    assert mistake.startswith("STORE_CREDENTIALS[token]:")


SECRETS: dict[str, str] = {
    "REDIS_URL": f"redis://user:{HIDDEN}@host/0",
    "GETT_API_KEY": HIDDEN,
    "GETT_WEBHOOK_SECRETS": HIDDEN,
    "GETT_WEBHOOK_AUTHORIZATION": f"Bearer {HIDDEN}",
    "TOKEN_SECRETS": HIDDEN,
    "STORE_CREDENTIALS": f'{{"token": "{HIDDEN}"}}',
}


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_is_ever_shown(name: str, read: Callable[..., Settings], mistakes: Callable[..., list[str]]) -> None:
    found = read(**{name: SECRETS[name]})
    assert HIDDEN not in repr(found)
    assert HIDDEN not in str(found)
    assert mistakes(LOG_LEVEL="LOUD")


@pytest.mark.parametrize(
    "proof", [{"gett_webhook_secrets": ["s"]}, {"gett_webhook_authorization": ["s"]}, {"allow_unsigned_webhooks": True}]
)
def test_something_must_prove_webhooks_unless_none_is_wanted(proof: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS is missing"):
        Settings().require_authenticity()
    Settings(**proof).require_authenticity()


def test_token_keys_are_the_configured_ones_or_derived_from_every_proof_newest_first() -> None:
    assert Settings(token_secrets=["b", "a"], gett_webhook_secrets=["s"]).token_keys() == ["b", "a"]
    derived = Settings(gett_webhook_secrets=["new", "old"], gett_webhook_authorization=["static"]).token_keys()
    assert len(set(derived)) == 3
    assert derived[:1] == Settings(gett_webhook_secrets=["new"]).token_keys()
    assert not {"new", "old", "static"} & set(derived)
    assert len(Settings().token_keys()) == 1


def test_the_environment_is_read_in_any_case_and_nothing_else_is_looked_at(
    read: Callable[..., Settings],
) -> None:
    assert read(pos_deadline="3", UNHEARD_OF="x").pos_deadline == 3
    assert "UNHEARD_OF" in os.environ
