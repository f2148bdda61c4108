"""Encryption of credentials: any key decrypts, each token belongs to one store, and plaintext has to be allowed."""

from __future__ import annotations

import json

import pytest

from webhook_kit.errors import ConfigurationError
from webhook_kit.stores.cipher import CredentialCipher, new_key

TOKEN = {"token": "topsecret"}
OLD, NEW = new_key(), new_key()


def test_decrypt_returns_what_was_encrypted() -> None:
    cipher = CredentialCipher([OLD])
    stored = cipher.encrypt("main", TOKEN)
    assert "topsecret" not in json.dumps(stored)
    assert cipher.decrypt("main", stored) == TOKEN
    assert cipher.encrypt("main", {}) == {}
    assert cipher.decrypt("main", {}) == {}
    assert OLD not in repr(cipher)


def test_every_key_decrypts_during_a_rotation() -> None:
    stored = CredentialCipher([OLD]).encrypt("main", TOKEN)
    both = CredentialCipher([NEW, OLD])
    assert both.decrypt("main", stored) == TOKEN
    assert not both.uses_newest_key(stored)
    again = both.encrypt("main", TOKEN)
    assert both.uses_newest_key(again)
    assert CredentialCipher([NEW]).decrypt("main", again) == TOKEN


@pytest.mark.parametrize("keys", [[], [NEW]])
def test_decrypt_without_the_right_key_fails_and_names_the_setting(keys: list[str]) -> None:
    stored = CredentialCipher([OLD]).encrypt("main", TOKEN)
    with pytest.raises(ConfigurationError, match="store main: no key of WEBHOOK_KIT_KEY") as caught:
        CredentialCipher(keys).decrypt("main", stored)
    assert stored["encrypted"] not in str(caught.value)


def test_token_of_one_store_is_rejected_for_another() -> None:
    cipher = CredentialCipher([OLD])
    with pytest.raises(ConfigurationError):
        cipher.decrypt("harbour", cipher.encrypt("main", TOKEN))


@pytest.mark.parametrize("damage", ["", "gAAAA", "é", 7])
def test_damaged_token_is_rejected(damage: object) -> None:
    with pytest.raises(ConfigurationError):
        CredentialCipher([OLD]).decrypt("main", {"encrypted": damage})


def test_encrypt_without_a_key_fails_unless_plaintext_is_allowed() -> None:
    with pytest.raises(ConfigurationError, match="WEBHOOK_KIT_KEY") as caught:
        CredentialCipher().encrypt("main", TOKEN)
    assert "topsecret" not in str(caught.value)
    plaintext = CredentialCipher(allow_plaintext=True)
    stored = plaintext.encrypt("main", TOKEN)
    assert plaintext.decrypt("main", stored) == TOKEN
    assert plaintext.uses_newest_key(stored)
    later = CredentialCipher([NEW], allow_plaintext=True)
    assert later.decrypt("main", stored) == TOKEN
    assert not later.uses_newest_key(stored), "with a key, plaintext counts as outdated"
    assert later.uses_newest_key({})
