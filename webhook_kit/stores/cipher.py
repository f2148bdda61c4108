"""Credentials at rest: what leaves this process for Redis is encrypted, or does not leave it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from webhook_kit.errors import ConfigurationError

__all__ = ["CredentialCipher", "new_key"]


def new_key() -> str:
    """A fresh key for ``WEBHOOK_KIT_KEY``."""
    from cryptography.fernet import Fernet  # here and below: who stores no credentials need not load OpenSSL

    return Fernet.generate_key().decode()


class CredentialCipher:
    """Seals credentials with the newest key and opens them with any.

    The store's id is sealed with them, so that a sealed text copied to another store opens nothing there.

    :param keys: Fernet keys, newest first.
    :param in_clear: without a key, credentials are stored as they are instead of being refused.
    """

    def __init__(self, keys: Sequence[str] = (), *, in_clear: bool = False) -> None:
        self._keys = list(keys)
        self._in_clear = in_clear

    def __repr__(self) -> str:
        return f"Vault({len(self._keys)} keys)"

    def encrypt(self, store_id: str, credentials: Mapping[str, str]) -> dict[str, Any]:
        """Credentials as they are stored: ``{"sealed": token}``.

        :raises ConfigurationError: without a key, unless clear text was allowed.
        """
        if not credentials:
            return {}
        if self._keys:
            content = json.dumps({"store": store_id, "credentials": dict(credentials)}).encode()
            return {"sealed": self._fernet().encrypt(content).decode()}
        if self._in_clear:
            return {"clear": dict(credentials)}
        raise ConfigurationError(
            f"store {store_id}: without WEBHOOK_KIT_KEY its credentials are not stored in Redis; set one (webhook-kit "
            "stores generate-key makes one), keep the store in STORES_FILE, or allow clear text with ALLOW_PLAINTEXT_CREDENTIALS=true"
        )

    def decrypt(self, store_id: str, stored: Mapping[str, Any]) -> dict[str, str]:
        """The credentials again.

        :raises ConfigurationError: when no key opens them.
        """
        if "sealed" not in stored:
            return dict(stored.get("clear", {}))
        from cryptography.fernet import InvalidToken

        try:
            content = json.loads(self._fernet().decrypt(stored["sealed"]))
        except (InvalidToken, TypeError, ValueError):
            content = None
        if content is None or content["store"] != store_id:
            raise ConfigurationError(
                f"store {store_id}: no key of WEBHOOK_KIT_KEY opens its credentials; "
                "add the key they were sealed with, or enter them again (webhook-kit stores edit --credential)"
            )
        found: dict[str, str] = content["credentials"]
        return found

    def uses_newest_key(self, stored: Mapping[str, Any]) -> bool:
        """Whether these would be stored in the same way today: with the newest key, or in clear when there is none."""
        if not stored or not self._keys:
            return "sealed" not in stored
        if "sealed" not in stored:
            return False
        from cryptography.fernet import Fernet, InvalidToken

        try:
            Fernet(self._keys[0]).decrypt(stored["sealed"])
        except (InvalidToken, TypeError, ValueError):
            return False
        return True

    def _fernet(self) -> Any:
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet

        if not self._keys:
            raise InvalidToken
        return MultiFernet([Fernet(key) for key in self._keys])
