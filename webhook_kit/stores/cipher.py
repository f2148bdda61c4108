"""Encryption of the stores' credentials: they reach Redis encrypted, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from webhook_kit.errors import ConfigurationError

__all__ = ["CredentialCipher", "new_key"]


def new_key() -> str:
    """Return a new random key for ``WEBHOOK_KIT_KEY``."""
    from cryptography.fernet import Fernet  # here and below: an installation without saved credentials skips OpenSSL

    return Fernet.generate_key().decode()


class CredentialCipher:
    """Encrypts credentials with the newest key, and decrypts them with any key.

    The store's id is encrypted with them, so that a token that was copied to another store is rejected there.

    :param keys: Fernet keys, newest first.
    :param allow_plaintext: without a key, store credentials in plaintext instead of rejecting them.
    """

    def __init__(self, keys: Sequence[str] = (), *, allow_plaintext: bool = False) -> None:
        self._keys = list(keys)
        self._allow_plaintext = allow_plaintext

    def __repr__(self) -> str:
        return f"CredentialCipher({len(self._keys)} keys)"

    @property
    def has_keys(self) -> bool:
        """True if credentials are encrypted."""
        return bool(self._keys)

    def encrypt(self, store_id: str, credentials: Mapping[str, str]) -> dict[str, Any]:
        """Return credentials as they are stored: ``{"encrypted": token}``.

        :raises ConfigurationError: there is no key, and plaintext is not allowed.
        """
        if not credentials:
            return {}
        if self._keys:
            content = json.dumps({"store": store_id, "credentials": dict(credentials)}).encode()
            return {"encrypted": self._fernet().encrypt(content).decode()}
        if self._allow_plaintext:
            return {"plaintext": dict(credentials)}
        raise ConfigurationError(
            f"store {store_id}: its credentials cannot be saved in Redis without WEBHOOK_KIT_KEY; create a key with "
            "`webhook-kit stores generate-key`, keep the store in STORES_FILE, or allow plaintext with "
            "ALLOW_PLAINTEXT_CREDENTIALS=true"
        )

    def decrypt(self, store_id: str, stored: Mapping[str, Any]) -> dict[str, str]:
        """Return the credentials of a stored value.

        :raises ConfigurationError: no key decrypts them.
        """
        if "encrypted" not in stored:
            plaintext: dict[str, str] = stored.get("plaintext", {})
            return plaintext
        from cryptography.fernet import InvalidToken

        try:
            content = json.loads(self._fernet().decrypt(stored["encrypted"]))
        except (InvalidToken, TypeError, ValueError):
            content = None
        if content is None or content["store"] != store_id:
            raise ConfigurationError(
                f"store {store_id}: no key of WEBHOOK_KIT_KEY decrypts its credentials; add the key that encrypted them, "
                f"or remove the store with `webhook-kit stores remove {store_id}` and add it again"
            )
        credentials: dict[str, str] = content["credentials"]
        return credentials

    def uses_newest_key(self, stored: Mapping[str, Any]) -> bool:
        """Return True if :meth:`encrypt` would store these credentials in the same way today."""
        if not stored or not self._keys:
            return "encrypted" not in stored
        if "encrypted" not in stored:
            return False
        from cryptography.fernet import Fernet, InvalidToken

        try:
            Fernet(self._keys[0]).decrypt(stored["encrypted"])
        except (InvalidToken, TypeError, ValueError):
            return False
        return True

    def _fernet(self) -> Any:
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet

        if not self._keys:
            raise InvalidToken
        return MultiFernet([Fernet(key) for key in self._keys])
