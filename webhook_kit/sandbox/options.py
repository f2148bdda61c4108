"""How a sandbox behaves: what it may be asked to do differently while it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Options"]

_Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
_PerMinute = Annotated[int, Field(ge=0, le=1_000_000)]


class Options(SandboxModel):
    """Every setting, with what the real Gett is known or taken to do as its default.

    :ivar writes_per_minute: of the whole partner organisation; 0 is no limit. Gett's own sandbox allows five times this
        (``gett-protocol.md §5``).
    :ivar reads_per_minute: likewise.
    :ivar discoveries_per_minute: likewise, of ``stores/discover``.
    :ivar ingestion_seconds: how long a registration is ``pending_catalog``, and then ``catalog_ingesting``.
    :ivar pull_timeout: real seconds that fetching a CatalogSet may take in all.
    :ivar pull_max_bytes: size of a CatalogSet.
    :ivar adopt_unknown: an order or store that was never heard of is taken for one that exists, instead of 404.
    :ivar answer_timeout: real seconds that a webhook's answer may take.
    :ivar retry_delays: seconds until a delivery that failed is tried again; after the last one Gett gives up.
    :ivar retry_jitter: the fraction by which such a wait may be longer.
    :ivar late_retries: the first retry comes an hour late.
    :ivar short_paths: webhooks go to ``/validate`` and ``/place`` instead of ``/validateOrder`` and ``/placeOrder``.
    :ivar empty_gett_order_id: ``gettOrderId`` is empty in webhooks.
    :ivar placed_amounts: what ``amounts`` of placeOrder holds: all that was accepted, the tip alone, or nothing (null).
    :ivar null_customer: ``customer`` is null in webhooks.
    :ivar read_answer_after: real seconds between the answer to a placeOrder and Gett's reading it.
    :ivar early_updates_unknown: an update of an order whose answer has not been read is 404.
    :ivar token_minutes: how long a ``validatedOrderToken`` is good for.
    :ivar require_token: a placement needs one.
    :ivar replay_hours: how long an ``Idempotency-Key`` replays its answer.
    :ivar session_days: how long a session lasts.
    :ivar order_events_url: where order events are sent; nowhere when empty.
    """

    writes_per_minute: _PerMinute = 100
    reads_per_minute: _PerMinute = 1_000
    discoveries_per_minute: _PerMinute = 60
    ingestion_seconds: _Seconds = 0.0
    pull_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    pull_max_bytes: Annotated[int, Field(ge=1)] = 10 * 1024 * 1024
    adopt_unknown: bool = False
    answer_timeout: Annotated[float, Field(gt=0, le=600)] = 25.0
    retry_delays: list[_Seconds] = Field(default_factory=lambda: [30.0, 120.0, 600.0, 3_600.0, 21_600.0, 86_400.0])
    retry_jitter: Annotated[float, Field(ge=0, le=1)] = 0.0
    late_retries: bool = False
    short_paths: bool = False
    empty_gett_order_id: bool = False
    placed_amounts: Literal["full", "tip", "null"] = "full"
    null_customer: bool = False
    read_answer_after: Annotated[float, Field(ge=0, le=600)] = 0.0
    early_updates_unknown: bool = False
    token_minutes: Annotated[float, Field(gt=0, le=10_000)] = 15.0
    require_token: bool = True
    replay_hours: Annotated[float, Field(gt=0, le=10_000)] = 24.0
    session_days: Annotated[float, Field(gt=0, le=1_000)] = 7.0
    order_events_url: str = ""

    def retry_delay(self, attempt: int, chance: float) -> float | None:
        """Seconds from a failed attempt (the first is 1) to the next one; None when there is none.

        :param chance: in [0, 1): how much of the jitter is added.
        """
        if attempt > len(self.retry_delays):
            return None
        delay = self.retry_delays[attempt - 1]
        if self.late_retries and attempt == 1:
            delay = max(delay, 3_600.0)
        return delay * (1 + self.retry_jitter * chance)
