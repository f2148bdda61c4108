"""Credentials at rest: sealed, opened by any key, never another store's, never in clear unless told so."""

from __future__ import annotations

import json

import pytest

from webhook_kit.errors import ConfigurationError, Impossible
from webhook_kit.stores.cipher import Vault, new_key

TOKEN = {"token": "topsecret"}
OLD, NEW = new_key(), new_key()


def test_what_is_sealed_is_not_to_be_read_and_opens_again() -> None:
    vault = Vault([OLD])
    stored = vault.seal("main", TOKEN)
    assert "topsecret" not in json.dumps(stored)
    assert vault.open("main", stored) == TOKEN
    assert vault.seal("main", {}) == {}
    assert vault.open("main", {}) == {}
    assert OLD not in repr(vault)


def test_keys_are_rotated_without_a_moment_in_which_nothing_opens() -> None:
    stored = Vault([OLD]).seal("main", TOKEN)
    both = Vault([NEW, OLD])
    assert both.open("main", stored) == TOKEN
    assert not both.is_fresh(stored)
    again = both.seal("main", TOKEN)
    assert both.is_fresh(again)
    assert Vault([NEW]).open("main", again) == TOKEN


@pytest.mark.parametrize("keys", [[], [NEW]])
def test_without_the_right_key_they_stay_shut_and_it_says_what_to_do(keys: list[str]) -> None:
    stored = Vault([OLD]).seal("main", TOKEN)
    with pytest.raises(ConfigurationError, match="store main: no key of WEBHOOK_KIT_KEY") as caught:
        Vault(keys).open("main", stored)
    assert stored["sealed"] not in str(caught.value)


def test_what_was_sealed_for_one_store_opens_nothing_at_another() -> None:
    vault = Vault([OLD])
    with pytest.raises(ConfigurationError):
        vault.open("harbour", vault.seal("main", TOKEN))


@pytest.mark.parametrize("damage", ["", "gAAAA", "é", 7])
def test_damage_is_told_as_such(damage: object) -> None:
    with pytest.raises(ConfigurationError):
        Vault([OLD]).open("main", {"sealed": damage})


def test_without_a_key_they_are_refused_unless_clear_text_was_allowed() -> None:
    with pytest.raises(Impossible, match="WEBHOOK_KIT_KEY") as caught:
        Vault().seal("main", TOKEN)
    assert "topsecret" not in str(caught.value)
    open_handed = Vault(in_clear=True)
    stored = open_handed.seal("main", TOKEN)
    assert open_handed.open("main", stored) == TOKEN
    assert open_handed.is_fresh(stored)
    later = Vault([NEW], in_clear=True)
    assert later.open("main", stored) == TOKEN
    assert not later.is_fresh(stored), "with a key, what lies in clear is sealed"
    assert later.is_fresh({})
