"""The stores in Redis: what onboarding and ``webhook-kit stores add`` have learned, for every process to see.

One hash of records and one version, changed together. The version is a fresh random text with every change, never a count:
after Redis was emptied a count would begin again, and could say to a process that nothing has happened.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import redis
from pydantic import ValidationError

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError, Conflict
from webhook_kit.storage.connection import text
from webhook_kit.storage.keys import Keys
from webhook_kit.stores.cipher import CredentialCipher
from webhook_kit.stores.file import StoreTable

__all__ = ["RedisStoreRepository", "StoreRepositoryRecord"]

_PUT = """
-- KEYS: records, version. ARGV: store id, record as read or '', new record or '' for none, new version.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
redis.call('SET', KEYS[2], ARGV[4])
return 1
"""

_RESTORE = """
-- KEYS: records, version. ARGV: version, then store ids and records in turn. Only into a Redis that has lost both.
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[2], ARGV[1])
return 1
"""


@dataclass(frozen=True, slots=True)
class StoreRepositoryRecord:
    """What Redis says of one store.

    :ivar gett_id: Gett's id, or the empty text.
    :ivar store: the whole store; None when only Gett's id was learned, for a store that is configured elsewhere.
    """

    gett_id: str
    store: Store | None


class RedisStoreRepository:
    """The records in Redis."""

    def __init__(self, connection: redis.Redis, keys: Keys, vault: CredentialCipher) -> None:
        self._redis = connection
        self._keys = keys
        self._vault = vault
        self._put = connection.register_script(_PUT)
        self._restore = connection.register_script(_RESTORE)

    # -- reading -------------------------------------------------------------------------------------------------------

    def version(self) -> str:
        """The version of the records; the empty text when there has been none."""
        return text(self._redis.get(self._keys.stores_version))

    def read(self) -> tuple[str, dict[str, str]]:
        """The version, and every record as it is stored, in one transaction."""
        with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.get(self._keys.stores_version)
            pipeline.hgetall(self._keys.stores)
            version, records = pipeline.execute()
        return text(version), {text(store_id): text(raw) for store_id, raw in records.items()}

    def decode(self, store_id: str, raw: str) -> StoreRepositoryRecord:
        """What a stored record says.

        :raises ConfigurationError: when it cannot be read, or its credentials cannot be opened.
        """
        table, stored = _parse(store_id, raw)
        if "adapter" not in table:
            return StoreRepositoryRecord(str(table.get("gett_id", "")), None)
        try:
            found = StoreTable.model_validate({**table, "credentials": self._vault.decrypt(store_id, stored)})
        except ValidationError as error:
            places = ", ".join(".".join(map(str, mistake["loc"])) for mistake in error.errors(include_input=False))
            raise ConfigurationError(f"store {store_id}: its record in Redis cannot be read: {places}") from None
        return StoreRepositoryRecord(found.gett_id or "", found.as_store(store_id))

    # -- writing -------------------------------------------------------------------------------------------------------

    def add(self, store: Store) -> None:
        """Write a new store.

        :raises Conflict: a store with this id exists already.
        :raises ConfigurationError: there is no key to encrypt its credentials with.
        """
        raw = self._dump(store)
        known = self._raw(store.id)
        if known and "adapter" in _parse(store.id, known)[0]:
            raise Conflict(f"store {store.id} is known already: change it with webhook-kit stores edit")
        self._write(store.id, known, raw)

    def replace(self, before: Store, after: Store) -> None:
        """Write a store anew.

        :raises Conflict: the store was changed since ``before`` was read.
        :raises ConfigurationError: there is no key to encrypt its credentials with.
        """
        known = self._raw(before.id)
        if not known or self.decode(before.id, known).store != before:
            raise Conflict(f"store {before.id} was changed by somebody else meanwhile: look at it and try again")
        self._write(before.id, known, self._dump(after))

    def remove(self, store_id: str) -> bool:
        """Forget a store, whatever its record says; False when there is none."""
        known = self._raw(store_id)
        if known:
            self._write(store_id, known, "")
        return bool(known)

    def save_gett_id(self, store_id: str, gett_id: str) -> None:
        """Keep what Gett calls a store, whether its other facts are here or configured elsewhere."""
        known = self._raw(store_id)
        table = json.loads(known) if known else {}
        self._write(store_id, known, json.dumps({**table, "gett_id": gett_id}))

    def rotate(self) -> int:
        """Seal all credentials with the newest key.

        :return: how many were sealed otherwise.
        :raises ConfigurationError: when some cannot be opened; the others are done by then.
        """
        _, records = self.read()
        done = 0
        mistakes: list[str] = []
        for store_id, raw in records.items():
            try:
                _, stored = _parse(store_id, raw)
                if self._vault.uses_newest_key(stored):
                    continue
                record = self.decode(store_id, raw)
            except ConfigurationError as error:
                mistakes += error.mistakes
                continue
            if record.store is not None:
                self._write(store_id, raw, self._dump(record.store))
                done += 1
        if mistakes:
            raise ConfigurationError(*mistakes)
        return done

    def restore(self, version: str, records: Mapping[str, str]) -> bool:
        """Write records back into a Redis that has lost them; False when somebody was faster."""
        flat = [part for pair in records.items() for part in pair]
        return bool(self._restore(keys=[self._keys.stores, self._keys.stores_version], args=[version, *flat]))

    def _raw(self, store_id: str) -> str:
        return text(self._redis.hget(self._keys.stores, store_id))

    def _dump(self, store: Store) -> str:
        table = StoreTable.of(replace(store, credentials={})).plain()
        stored = self._vault.encrypt(store.id, store.credentials)
        return json.dumps({**table, **({"credentials": stored} if stored else {})})

    def _write(self, store_id: str, before: str, after: str) -> None:
        keys = [self._keys.stores, self._keys.stores_version]
        if not self._put(keys=keys, args=[store_id, before, after, uuid4().hex]):
            raise Conflict(f"store {store_id} was changed by somebody else meanwhile: look at it and try again")


def _parse(store_id: str, raw: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A record without its credentials, and those as they are stored."""
    try:
        table = json.loads(raw)
    except ValueError:
        table = None
    if not isinstance(table, dict) or not isinstance(stored := table.pop("credentials", {}), dict):
        raise ConfigurationError(f"store {store_id}: its record in Redis cannot be read")
    return table, stored
