"""Stores in a TOML file. The kit reads it, also after changes, and writes it only for `webhook-kit stores export`::

[stores.main-street]                    # the partner's own id of the store
gett_id = "5b0c…"                       # Gett's id; omit it until the store is onboarded
adapter = "my_pos.adapter:MyPos"        # or a registered name
timezone = "America/New_York"
fulfillment_types = ["Pickup"]          # optional; any type if omitted
[stores.main-street.credentials]
token = "…"
[stores.main-street.options]
terminal = 3
"""

from __future__ import annotations

import threading
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import tomli_w

from webhook_kit.errors import ConfigurationError
from webhook_kit.logs import logger
from webhook_kit.pos.store import Store
from webhook_kit.stores.source import FixedStores
from webhook_kit.stores.table import as_table, parse_store
from webhook_kit.texts import decode_file

__all__ = ["FileStores", "as_toml"]

log = logger("stores")

_CHECK_INTERVAL = 1.0
"""Seconds between two checks for a change of the file."""

_RETRY_INTERVAL = 10.0
"""Seconds before a file with mistakes is read again although it has not changed: an adapter may be loaded then."""


class FileStores:
    """Stores of a file, which is read again after a change. While it contains a mistake, the last valid content is used.

    :ivar rejected: True while the file contains a mistake or is being read, so that it may have stores that are not known here.
    :raises ConfigurationError: the file is not valid; with one line per mistake.
    """

    rejected = False

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._fingerprint = _fingerprint(path)
        self._checked_at = self._read_at = time.monotonic()
        self._stores = FixedStores(_read(path))

    def __iter__(self) -> Iterator[Store]:
        return iter(self._current())

    def by_id(self, store_id: str) -> Store | None:
        """Return the store with this id of the partner, or None."""
        return self._current().by_id(store_id)

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """Return the store with this id of Gett, or None."""
        return self._current().by_gett_id(gett_store_id)

    def _current(self) -> FixedStores:
        if time.monotonic() - self._checked_at >= _CHECK_INTERVAL and self._lock.acquire(blocking=False):
            self._checked_at = time.monotonic()
            fingerprint = _fingerprint(self._path)
            changed = fingerprint != self._fingerprint
            if changed or (self.rejected and time.monotonic() - self._read_at > _RETRY_INTERVAL):
                self._start_reload(fingerprint, changed=changed)
            else:
                self._lock.release()
        return self._stores

    def _start_reload(self, fingerprint: tuple[int, int, int] | None, *, changed: bool) -> None:
        """Read the file in a thread, which releases the lock: a large file takes seconds, and no webhook waits for it."""
        self.rejected = True  # until it is read
        try:
            threading.Thread(target=self._reload, args=(fingerprint, changed), name="stores", daemon=True).start()
        except RuntimeError:  # no thread can be started now; the next check tries again
            self._lock.release()

    def _reload(self, fingerprint: tuple[int, int, int] | None, changed: bool) -> None:
        try:
            self._stores = FixedStores(_read(self._path))
        except ConfigurationError as error:
            if changed:
                log.error("stores_file_rejected", mistakes=error.mistakes)  # noqa: TRY400 - a traceback adds nothing
        else:
            self.rejected = False
            log.info("stores_file_reloaded", stores=sum(1 for _ in self._stores))
        finally:
            self._fingerprint, self._read_at = fingerprint, time.monotonic()
            self._lock.release()


def as_toml(stores: Iterable[Store], *, credentials: bool = True) -> str:
    """Return the content of a file with these stores.

    :param credentials: False omits the credentials.
    """
    tables = {}
    for store in stores:
        table = as_table(store)
        if credentials and store.credentials:
            table["credentials"] = dict(store.credentials)
        tables[store.id] = table
    return tomli_w.dumps({"stores": tables})


def _fingerprint(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> list[Store]:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # reading a device or a pipe may never end
            raise ConfigurationError(f"STORES_FILE {path}: is not a regular file")
        content = tomllib.loads(decode_file(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error.strerror}") from error
    except ValueError as error:  # TOMLDecodeError is one
        raise ConfigurationError(f"STORES_FILE {path}: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"STORES_FILE {path}: is nested too deeply") from error
    tables = content.pop("stores", None)
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"STORES_FILE {path}: contains no [stores.<your store id>] table")
    stores: list[Store] = []
    # A misspelled table would leave its store out, and Gett would get a final 404 for each of its orders.
    mistakes = [
        f"STORES_FILE {path}: {name}: is not read; each table is a [stores.<your store id>]" for name in content
    ]
    for store_id, table in tables.items():
        try:
            stores.append(parse_store(store_id, table))
        except ConfigurationError as error:
            mistakes += [f"STORES_FILE {path}: stores.{mistake}" for mistake in error.mistakes]
    tables_with_id = Counter(store.id for store in stores)
    mistakes += [f"STORES_FILE {path}: two tables have the id {each}" for each, n in tables_with_id.items() if n > 1]
    if mistakes:
        raise ConfigurationError(*mistakes)
    return stores
