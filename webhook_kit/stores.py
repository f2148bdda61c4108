"""Which store is which: Gett's id, the partner's id, the adapter, credentials and options.

Stores come from the environment (one store) or from a TOML file (any number)::

    [stores.main-street]                    # the partner's own id of the store
    gett_id = "5b0c…"                       # Gett's
    adapter = "my_pos.adapter:MyPos"        # or a registered name
    timezone = "America/New_York"
    [stores.main-street.credentials]
    token = "…"
    [stores.main-street.options]
    terminal = 3
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from webhook_kit.adapter import PosAdapter, Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.registry import load_adapter
from webhook_kit.settings import Settings, ZoneName

__all__ = ["StoreDirectory"]


class StoreDirectory:
    """The stores of this installation, and the adapter object of each."""

    def __init__(self, stores: list[Store]) -> None:
        """:raises ConfigurationError: when two stores share an id, or an adapter cannot be loaded."""
        self._by_gett_id = {store.gett_id: store for store in stores}
        self._by_id = {store.id: store for store in stores}
        mistakes = [
            f"Gett's store id {store.gett_id} is given to two stores: {store.id} and {self._by_gett_id[store.gett_id].id}"
            for store in stores
            if self._by_gett_id[store.gett_id] is not store
        ]
        self._adapters: dict[str, PosAdapter] = {}
        for spec in {store.adapter for store in stores}:
            try:
                self._adapters[spec] = load_adapter(spec)
            except ConfigurationError as error:
                mistakes += error.mistakes
        if mistakes:
            raise ConfigurationError(*mistakes)

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The stores that the environment names.

        :raises ConfigurationError: with every mistake at once.
        """
        if settings.stores_file:
            return cls(_read(settings.stores_file))
        if settings.pos_adapter and settings.gett_store_id:
            store = Store(
                id=settings.pos_store_id,
                gett_id=settings.gett_store_id,
                adapter=settings.pos_adapter,
                timezone=ZoneInfo(settings.store_timezone),
                name=settings.store_name or settings.pos_store_id,
                credentials={name: value.get_secret_value() for name, value in settings.store_credentials.items()},
                options=settings.store_options,
            )
            return cls([store])
        raise ConfigurationError(
            "no store is configured: set POS_ADAPTER and GETT_STORE_ID for one store, or STORES_FILE for several"
        )

    def __iter__(self) -> Iterator[Store]:
        return iter(self._by_id.values())

    def by_gett_id(self, gett_store_id: str) -> Store | None:
        """The store that Gett calls so."""
        return self._by_gett_id.get(gett_store_id)

    def by_id(self, store_id: str) -> Store | None:
        """The store that the partner calls so."""
        return self._by_id.get(store_id)

    def adapter(self, store: Store) -> PosAdapter:
        """The adapter that serves a store."""
        return self._adapters[store.adapter]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    gett_id: str = Field(min_length=1)
    adapter: str = Field(min_length=1)
    timezone: ZoneName = "UTC"
    name: str = ""
    fulfillment_types: frozenset[str] | None = None
    credentials: dict[str, SecretStr] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)


def _read(path: Path) -> list[Store]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("stores")
    except OSError as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"STORES_FILE {path}: {error}") from error
    if not isinstance(tables, dict) or not tables:
        raise ConfigurationError(f"STORES_FILE {path}: holds no [stores.<your store id>] table")
    stores, mistakes = [], []
    for store_id, table in tables.items():
        try:
            entry = _Entry.model_validate(table)
        except ValidationError as error:
            mistakes += [
                f"STORES_FILE {path}: stores.{'.'.join([store_id, *map(str, e['loc'])])}: {e['msg']}"
                for e in error.errors(include_input=False)
            ]
            continue
        credentials = {name: value.get_secret_value() for name, value in entry.credentials.items()}
        options = entry.model_dump(exclude={"credentials", "timezone", "name"})
        zone = ZoneInfo(entry.timezone)
        stores.append(Store(store_id, timezone=zone, name=entry.name or store_id, credentials=credentials, **options))
    if mistakes:
        raise ConfigurationError(*mistakes)
    return stores
