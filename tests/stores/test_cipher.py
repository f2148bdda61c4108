"""Credentials at rest: sealed, opened by any key, never another store's, never in clear unless told so."""

from __future__ import annotations

import json

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.stores.cipher import CredentialCipher, new_key

TOKEN = {"token": "topsecret"}
OLD, NEW = new_key(), new_key()


def test_what_is_sealed_is_not_to_be_read_and_opens_again() -> None:
    vault = CredentialCipher([OLD])
    stored = vault.encrypt("main", TOKEN)
    assert "topsecret" not in json.dumps(stored)
    assert vault.decrypt("main", stored) == TOKEN
    assert vault.encrypt("main", {}) == {}
    assert vault.decrypt("main", {}) == {}
    assert OLD not in repr(vault)


def test_keys_are_rotated_without_a_moment_in_which_nothing_opens() -> None:
    stored = CredentialCipher([OLD]).encrypt("main", TOKEN)
    both = CredentialCipher([NEW, OLD])
    assert both.decrypt("main", stored) == TOKEN
    assert not both.uses_newest_key(stored)
    again = both.encrypt("main", TOKEN)
    assert both.uses_newest_key(again)
    assert CredentialCipher([NEW]).decrypt("main", again) == TOKEN


@pytest.mark.parametrize("keys", [[], [NEW]])
def test_without_the_right_key_they_stay_shut_and_it_says_what_to_do(keys: list[str]) -> None:
    stored = CredentialCipher([OLD]).encrypt("main", TOKEN)
    with pytest.raises(ConfigurationError, match="store main: no key of WEBHOOK_KIT_KEY") as caught:
        CredentialCipher(keys).decrypt("main", stored)
    assert stored["sealed"] not in str(caught.value)


def test_what_was_sealed_for_one_store_opens_nothing_at_another() -> None:
    vault = CredentialCipher([OLD])
    with pytest.raises(ConfigurationError):
        vault.decrypt("harbour", vault.encrypt("main", TOKEN))


@pytest.mark.parametrize("damage", ["", "gAAAA", "é", 7])
def test_damage_is_told_as_such(damage: object) -> None:
    with pytest.raises(ConfigurationError):
        CredentialCipher([OLD]).decrypt("main", {"sealed": damage})


def test_without_a_key_they_are_refused_unless_clear_text_was_allowed() -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_KIT_KEY") as caught:
        CredentialCipher().encrypt("main", TOKEN)
    assert "topsecret" not in str(caught.value)
    open_handed = CredentialCipher(in_clear=True)
    stored = open_handed.encrypt("main", TOKEN)
    assert open_handed.decrypt("main", stored) == TOKEN
    assert open_handed.uses_newest_key(stored)
    later = CredentialCipher([NEW], in_clear=True)
    assert later.decrypt("main", stored) == TOKEN
    assert not later.uses_newest_key(stored), "with a key, what lies in clear is sealed"
    assert later.uses_newest_key({})
