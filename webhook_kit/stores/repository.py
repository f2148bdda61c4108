"""Stores saved in Redis: added by onboarding and ``webhook-kit stores add``, visible to every process.

One hash of records and one version, changed together. Each change sets the version to a new random text. A counter would
start again after Redis was emptied, and could then equal the version that a process has read before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import redis
from pydantic import ValidationError

from webhook_kit.errors import ConfigurationError, Conflict
from webhook_kit.pos.store import Store
from webhook_kit.storage import formats
from webhook_kit.storage.connection import text
from webhook_kit.storage.formats import is_newer
from webhook_kit.storage.keys import Keys
from webhook_kit.storage.scripts import Script
from webhook_kit.stores.cipher import CredentialCipher
from webhook_kit.stores.table import StoreTable, as_table

__all__ = ["RedisStoreRepository", "SavedStore"]

_LISTED, _SHOWN = 5, 100
"""Places of a damaged record that are named, and characters of each."""


@dataclass(frozen=True, slots=True)
class SavedStore:
    """Record of one store in Redis.

    :ivar gett_id: Gett's id, or the empty text.
    :ivar store: the store; None if only Gett's id is saved, for a store that is configured elsewhere.
    """

    gett_id: str
    store: Store | None


class RedisStoreRepository:
    """Records of the saved stores in Redis."""

    def __init__(self, connection: redis.Redis, keys: Keys, cipher: CredentialCipher) -> None:
        self._redis = connection
        self._keys = keys
        self._cipher = cipher
        self._put = Script(connection, keys, "webhook_kit.stores/put")
        self._restore = Script(connection, keys, "webhook_kit.stores/restore")

    # -- reading -------------------------------------------------------------------------------------------------------

    def version(self) -> str:
        """Return the version of the records; the empty text if nothing was ever saved."""
        return text(self._redis.get(self._keys.stores_version))

    def read(self) -> tuple[str, dict[str, str]]:
        """Return the version and every record as it is stored, in one transaction."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.get(self._keys.stores_version)
            pipeline.hgetall(self._keys.stores)
            version, records = pipeline.execute()
        return text(version), {text(store_id): text(raw) for store_id, raw in records.items()}

    def decode(self, store_id: str, raw: str) -> SavedStore:
        """Decode a stored record.

        :raises ConfigurationError: the record is not valid, or no key decrypts its credentials.
        """
        table, stored = _parse(store_id, raw)
        if "adapter" not in table:
            return SavedStore(str(table.get("gett_id", "")), None)
        try:
            decoded = StoreTable.model_validate({**table, "credentials": self._cipher.decrypt(store_id, stored)})
        except ValidationError as error:
            mistakes = error.errors(include_input=False)
            places = ", ".join(".".join(map(str, mistake["loc"]))[:_SHOWN] for mistake in mistakes[:_LISTED])
            raise ConfigurationError(_unreadable(store_id, places)) from None
        return SavedStore(decoded.gett_id or "", decoded.as_store(store_id))

    def identify(self, store_id: str, raw: str) -> tuple[str | None, str | None]:
        """Return Gett's id and the adapter of a record that cannot be decoded; None for what it does not tell."""
        try:
            table, _ = _parse(store_id, raw)
        except ConfigurationError:
            return None, None
        return str(table.get("gett_id", "")), str(table.get("adapter", ""))

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, store: Store) -> None:
        """Save a new store.

        :raises Conflict: a store with this id exists already.
        :raises ConfigurationError: there is no key to encrypt its credentials with.
        """
        new = self._encode(store)
        before = self._raw(store.id)
        if before and "adapter" in _parse(store.id, before)[0]:
            raise Conflict(f"store {store.id} exists already; change it with `webhook-kit stores edit {store.id}`")
        self._write(store.id, before, new)

    def replace(self, before: Store, after: Store) -> None:
        """Replace a saved store.

        :raises Conflict: the store was changed since ``before`` was read.
        :raises ConfigurationError: there is no key to encrypt its credentials with.
        """
        raw = self._raw(before.id)
        if not raw or self.decode(before.id, raw).store != before:
            raise Conflict(_changed(before.id))
        self._write(before.id, raw, self._encode(after))

    def remove(self, store_id: str) -> bool:
        """Delete a store, even if its record cannot be decoded; return False if there is none."""
        before = self._raw(store_id)
        if before:
            self._write(store_id, before, "")
        return bool(before)

    def save_gett_id(self, store_id: str, gett_id: str) -> None:
        """Save Gett's id of a store, also of one that is configured elsewhere."""
        before = self._raw(store_id)
        if before:
            _parse(store_id, before)  # refuses a record of a later version
        table = json.loads(before) if before else {"format": formats.STORE}
        self._write(store_id, before, json.dumps({**table, "gett_id": gett_id}))

    def rotate(self) -> int:
        """Encrypt all credentials with the newest key.

        :return: the number of stores whose credentials were encrypted again.
        :raises ConfigurationError: some credentials cannot be decrypted; all others were encrypted by then.
        """
        _, records = self.read()
        rotated = 0
        mistakes: list[str] = []
        for store_id, raw in records.items():
            try:
                _, stored = _parse(store_id, raw)
                if self._cipher.uses_newest_key(stored):
                    continue
                record = self.decode(store_id, raw)
            except ConfigurationError as error:
                mistakes += error.mistakes
                continue
            if record.store is not None:
                self._write(store_id, raw, self._encode(record.store))
                rotated += 1
        if mistakes:
            raise ConfigurationError(*mistakes)
        return rotated

    def encrypted_with_older_key(self) -> list[str]:
        """Return the ids of the stores whose credentials are not encrypted with the newest key; none without a key."""
        if not self._cipher.has_keys:
            return []
        found = []
        for store_id, raw in self.read()[1].items():
            try:
                _, stored = _parse(store_id, raw)
            except ConfigurationError:  # reported where the stores are checked
                continue
            if stored and not self._cipher.uses_newest_key(stored):
                found.append(store_id)
        return found

    def restore(self, version: str, records: Mapping[str, str]) -> bool:
        """Write records back into a Redis that has lost them; return False if another process has done so."""
        return bool(self._restore(self._keys.stores, version=version, records=dict(records)))

    def _raw(self, store_id: str) -> str:
        return text(self._redis.hget(self._keys.stores, store_id))

    def _encode(self, store: Store) -> str:
        table = as_table(store)
        stored = self._cipher.encrypt(store.id, store.credentials)
        return json.dumps({"format": formats.STORE, **table, **({"credentials": stored} if stored else {})})

    def _write(self, store_id: str, before: str, after: str) -> None:
        if not self._put(self._keys.stores, store=store_id, before=before, after=after, version=uuid4().hex):
            raise Conflict(_changed(store_id))


def _parse(store_id: str, raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a record without its credentials, and the credentials as they are stored."""
    try:
        table = json.loads(raw)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict) or not isinstance(stored := table.pop("credentials", {}), dict):
        raise ConfigurationError(_unreadable(store_id, "JSON object expected"))
    if is_newer(form := table.pop("format", None), formats.STORE):
        raise ConfigurationError(
            f"store {store_id}: its record was written by a newer version of webhook-kit (format {form}); upgrade this process"
        )
    return table, stored


def _unreadable(store_id: str, why: str) -> str:
    return (
        f"store {store_id}: its record in Redis is not valid ({why}); remove the store with "
        f"`webhook-kit stores remove {store_id}` and add it again"
    )


def _changed(store_id: str) -> str:
    return f"store {store_id} was changed by another process in the meantime; read it again and repeat the change"
