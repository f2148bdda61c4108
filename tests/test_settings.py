"""Settings: every mistake is reported at once with its variable, and no secret is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import PricePolicy, Settings, TlsVerify
from webhook_kit.stores.cipher import CredentialCipher

HIDDEN = "topsecret"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_empty_environment_and_empty_variables_give_the_defaults(read: Callable[..., Settings]) -> None:
    settings = read()
    assert settings == read(REDIS_URL="", PRICE_TOLERANCE="", GETT_WEBHOOK_SECRETS="", STORE_OPTIONS="", POS_ADAPTER="")
    assert settings.price_policy is PricePolicy.REFUSE
    assert settings.redis_tls_verify is TlsVerify.REQUIRED
    assert settings.require_idempotency_key
    assert not settings.allow_unsigned_webhooks


def test_values_are_read_from_the_environment(read: Callable[..., Settings]) -> None:
    settings = read(
        GETT_WEBHOOK_SECRETS=" new , old ,",
        GETT_API_URL="https://api.example.test/",
        PRICE_TOLERANCE="0.05",
        PRICE_POLICY="pos",
        POS_ADAPTER="bogus",
        GETT_STORE_ID="7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90",
        STORE_OPTIONS='{"terminal": 3, "name": "x", "rate": 1.5, "on": true}',
        STORE_CREDENTIALS=f'{{"token": "{HIDDEN}"}}',
        WEBHOOK_PREFIX="/gett",
    )
    assert [secret.get_secret_value() for secret in settings.gett_webhook_secrets] == ["new", "old"]
    assert settings.gett_api_url == "https://api.example.test"
    assert (settings.price_tolerance, settings.price_policy) == (Decimal("0.05"), PricePolicy.POS)
    assert settings.store_options == {"terminal": 3, "name": "x", "rate": 1.5, "on": True}
    assert settings.store_credentials["token"].get_secret_value() == HIDDEN


def test_every_mistake_is_reported_with_its_variable(mistakes: Callable[..., list[str]]) -> None:
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


def test_every_contradiction_is_reported(mistakes: Callable[..., list[str]]) -> None:
    messages = mistakes(
        POS_ADAPTER="bogus",
        STORES_FILE="stores.toml",
        POS_DEADLINE="60",
        WEBHOOK_DEADLINE="20",
        POS_ABANDON_AFTER="30",
    )
    assert [mistake.split()[0] for mistake in messages] == [
        "POS_ADAPTER",
        "GETT_STORE_ID",
        "POS_DEADLINE",
        "POS_ABANDON_AFTER",
    ]


def test_a_mistake_hides_no_contradiction_of_other_settings(mistakes: Callable[..., list[str]]) -> None:
    messages = mistakes(ORDER_TTL="soon", POS_ADAPTER="bogus", CONSOLE="true")
    assert [mistake.split()[0] for mistake in messages] == ["ORDER_TTL:", "GETT_STORE_ID", "CONSOLE"]


def test_a_mistake_causes_no_contradiction(mistakes: Callable[..., list[str]]) -> None:
    messages = mistakes(POS_ADAPTER="bogus", GETT_STORE_ID="a b", POS_DEADLINE="soon", WEBHOOK_DEADLINE="10")
    assert sorted(mistake.split()[0] for mistake in messages) == ["GETT_STORE_ID:", "POS_DEADLINE:"]


@pytest.mark.parametrize("value", ["{", '{"a": 1', "x", "token=y", f'{{"token": "{HIDDEN}",}}'])
def test_invalid_json_is_reported_with_an_example(value: str, mistakes: Callable[..., list[str]]) -> None:
    assert mistakes(STORE_CREDENTIALS=value) == [
        'STORE_CREDENTIALS: is not a valid JSON object (example: {"terminal": "3"})'
    ]


def test_credential_of_the_wrong_type_is_named_and_not_shown(mistakes: Callable[..., list[str]]) -> None:
    (mistake,) = mistakes(STORE_CREDENTIALS=f'{{"token": ["{HIDDEN}"]}}')
    assert mistake.startswith("STORE_CREDENTIALS[token]:")


def test_values_are_stripped_and_brought_to_their_canonical_form(read: Callable[..., Settings]) -> None:
    settings = read(
        GETT_STORE_ID="{7D0C6D1E-3F0A-4B7E-9A53-2B8F1C4E6A90}\n",
        PUBLIC_URL="HTTPS://POS.example.org/\n",
        GETT_API_KEY=" key\r\n",
        LOG_LEVEL="info ",
        PRICE_POLICY="Accepted",
        STORES_FILE=" stores.toml\n",
        STORE_NAME=" ",
        STORE_CREDENTIALS='{\n  "token": "t\\n"\n}',
    )
    assert settings.gett_store_id == "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"
    assert settings.public_url == "https://pos.example.org"
    assert settings.api_keys() == ["key"]
    assert (settings.log_level, settings.price_policy) == ("INFO", PricePolicy.ACCEPTED)
    assert (str(settings.stores_file), settings.store_name) == ("stores.toml", "")
    assert settings.store_credentials["token"].get_secret_value() == "t"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_quotation_marks_around_any_value_are_refused_by_name(name: str, mistakes: Callable[..., list[str]]) -> None:
    (mistake,) = mistakes(**{name.upper(): f'"{HIDDEN}"'})
    assert mistake == f"{name.upper()}: is in quotation marks; write the value without them"


def test_byte_order_mark_in_front_of_a_variable_is_noticed(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes(**{"\ufeffPOS_ADAPTER": "bogus", "\ufeffELSE": "x"}) == [
        "POS_ADAPTER: a byte order mark is in front of its name; save the environment file as UTF-8 without one"
    ]
    assert len(mistakes(**{"\ufeffPOS_ADAPTER": "bogus", "LOG_LEVEL": "LOUD"})) == 2


def test_quotation_marks_around_one_secret_of_several_are_refused(mistakes: Callable[..., list[str]]) -> None:
    assert mistakes(GETT_WEBHOOK_SECRETS=f"'{HIDDEN}',old") == [
        "GETT_WEBHOOK_SECRETS[0]: is in quotation marks; write the value without them"
    ]


@pytest.mark.parametrize("value", [f"Bearer {HIDDEN}", f"{HIDDEN} old"])
def test_api_key_is_written_alone(value: str, mistakes: Callable[..., list[str]]) -> None:
    assert mistakes(GETT_API_KEY=value) == [
        "GETT_API_KEY: contains a space; write the key alone, without Bearer, and a comma between two keys"
    ]


def test_names_of_options_and_credentials_are_stripped(read: Callable[..., Settings]) -> None:
    settings = read(STORE_OPTIONS='{" a ": {" b": 1}}', STORE_CREDENTIALS='{" token": "t"}')
    assert settings.store_options == {"a": {"b": 1}}
    assert list(settings.store_credentials) == ["token"]


NUMBERS = [name for name, field in Settings.model_fields.items() if field.annotation in (int, float)]


@pytest.mark.parametrize("value", [str(10**17), "inf"])
def test_every_number_has_a_largest_value(value: str, mistakes: Callable[..., list[str]]) -> None:
    found = mistakes(**{name.upper(): value for name in NUMBERS})
    assert {mistake.split(":")[0].lower() for mistake in found} == set(NUMBERS)


def test_form_of_a_value_is_explained(mistakes: Callable[..., list[str]]) -> None:
    (mistake,) = mistakes(WEBHOOK_PREFIX="gett/")
    assert "Path below which the webhooks are served. Example: /gett serves /gett/placeOrder" in mistake
    assert "String should match" not in mistake


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("[1]", "STORE_OPTIONS: Input should be a valid dictionary"),
        ('{"a": NaN}', "STORE_OPTIONS: is not a valid JSON object"),
        ("[" * 100_000, "STORE_OPTIONS: is not a valid JSON object"),
        ('{"a": null}', "STORE_OPTIONS: a: null is not a value; leave it out"),
    ],
)
def test_options_that_are_no_table_are_refused_in_one_line(
    value: str, complaint: str, mistakes: Callable[..., list[str]]
) -> None:
    (mistake,) = mistakes(STORE_OPTIONS=value)
    assert mistake.startswith(complaint)


def test_options_take_lists_and_tables_as_a_file_does(read: Callable[..., Settings]) -> None:
    settings = read(STORE_OPTIONS='{"calls": ["quote"], "presets": {"a": [1]}}')
    assert settings.store_options == {"calls": ["quote"], "presets": {"a": [1]}}


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
    settings = read(**{name: SECRETS[name]})
    assert HIDDEN not in repr(settings)
    assert HIDDEN not in str(settings)
    assert mistakes(LOG_LEVEL="LOUD")


@pytest.mark.parametrize(
    "authentication",
    [{"gett_webhook_secrets": ["s"]}, {"gett_webhook_authorization": ["s"]}, {"allow_unsigned_webhooks": True}],
)
def test_webhooks_have_to_be_authenticated_unless_unsigned_ones_are_allowed(authentication: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="GETT_WEBHOOK_SECRETS is not set"):
        Settings().require_authenticity()
    Settings(**authentication).require_authenticity()


def test_token_keys_are_configured_or_derived_from_every_webhook_secret() -> None:
    assert Settings(token_secrets=["b", "a"], gett_webhook_secrets=["s"]).token_keys() == ["b", "a"]
    derived = Settings(gett_webhook_secrets=["new", "old"], gett_webhook_authorization=["static"]).token_keys()
    assert len(set(derived)) == 3
    assert derived[:1] == Settings(gett_webhook_secrets=["new"]).token_keys()
    assert not {"new", "old", "static"} & set(derived)
    assert len(Settings().token_keys()) == 1


def test_secret_that_a_platform_generates_serves_for_each_secret(read: Callable[..., Settings]) -> None:
    generated = "0123456789abcdef" * 4
    names = (
        *("GETT_WEBHOOK_SECRETS", "TOKEN_SECRETS", "WEBHOOK_KIT_KEY", "METRICS_TOKEN", "CONSOLE_SESSION_KEYS"),
        *("CONSOLE_PROXY_SECRET", "ALERT_WEBHOOK_SECRET"),
    )
    settings = read(**dict.fromkeys(names, generated))
    assert settings.token_keys() == settings.console_keys() == [generated]
    cipher = CredentialCipher([key.get_secret_value() for key in settings.webhook_kit_key])
    assert cipher.decrypt("main", cipher.encrypt("main", {"token": HIDDEN})) == {"token": HIDDEN}


def test_variables_are_read_in_any_case_and_unknown_ones_are_ignored(
    read: Callable[..., Settings],
) -> None:
    assert read(pos_deadline="3", UNHEARD_OF="x").pos_deadline == 3
    assert "UNHEARD_OF" in os.environ
