"""How a sandbox behaves: what it may be asked to do differently while it runs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from webhook_kit.sandbox.state import Kept

__all__ = ["Options"]

_Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
_PerMinute = Annotated[int, Field(ge=0, le=1_000_000)]


class Options(Kept):
    """Every setting, with what the real Gett is known or taken to do as its default.

    :ivar writes_per_minute: of the whole partner organisation; 0 is no limit. Gett's own sandbox allows five times this
        (``gett-protocol.md §5``).
    :ivar reads_per_minute: likewise.
    :ivar discoveries_per_minute: likewise, of ``stores/discover``.
    :ivar ingestion_seconds: how long a registration is ``pending_catalog``, and then ``catalog_ingesting``.
    :ivar pull_timeout: real seconds that fetching a CatalogSet may take in all.
    :ivar pull_max_bytes: size of a CatalogSet.
    :ivar adopt_unknown: an order or store that was never heard of is taken for one that exists, instead of 404.
    """

    writes_per_minute: _PerMinute = 100
    reads_per_minute: _PerMinute = 1_000
    discoveries_per_minute: _PerMinute = 60
    ingestion_seconds: _Seconds = 0.0
    pull_timeout: _Seconds = 10.0
    pull_max_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    adopt_unknown: bool = False
