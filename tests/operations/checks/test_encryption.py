"""Progress of a rotation of WEBHOOK_KIT_KEY."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.encryption import check_encryption
from webhook_kit.stores.cipher import new_key

OLD, NEW = new_key(), new_key()


def codes(kit: Kit) -> list[str]:
    return [finding.code for finding in check_encryption(kit)]


def test_a_rotation_is_followed_to_its_end(make_kit: Callable[..., Kit]) -> None:
    before = make_kit(key_prefix="rotated:", webhook_kit_key=[OLD])
    assert codes(before) == []
    before.store_repository.add(Store("one", "", "bogus", credentials={"password": "p"}))
    before.store_repository.add(Store("two", "", "bogus"))  # has nothing to encrypt
    assert codes(before) == []
    assert codes(make_kit(key_prefix="rotated:", webhook_kit_key=[OLD, NEW])) == ["older_key_not_needed"]
    rotating = make_kit(key_prefix="rotated:", webhook_kit_key=[NEW, OLD])
    (finding,) = check_encryption(rotating)
    assert (finding.code, "1 stores (one)" in finding.what) == ("encrypted_with_older_key", True)
    rotating.store_repository.rotate()
    assert codes(rotating) == ["older_key_not_needed"]
    assert codes(make_kit(key_prefix="rotated:", webhook_kit_key=[NEW])) == []


@pytest.mark.parametrize("keys", [[], [NEW]])
def test_credentials_in_plaintext_are_named_when_there_is_a_key(make_kit: Callable[..., Kit], keys: list[str]) -> None:
    prefix = f"plain{len(keys)}:"
    plain = make_kit(key_prefix=prefix, allow_plaintext_credentials=True)
    plain.store_repository.add(Store("one", "", "bogus", credentials={"password": "p"}))
    assert codes(make_kit(key_prefix=prefix, webhook_kit_key=keys)) == (["encrypted_with_older_key"] if keys else [])
