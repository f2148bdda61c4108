"""Options of a sandbox, which can be changed while it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Options"]

_Seconds = Annotated[float, Field(ge=0, le=31_536_000, allow_inf_nan=False)]
_PerMinute = Annotated[int, Field(ge=0, le=1_000_000)]


class Options(SandboxModel):
    """Every option; the defaults are what Gett is known, or assumed [D], to do.

    :ivar writes_per_minute: quota of the whole partner organisation, as in Gett's sandbox: five times that of production
        (``gett-protocol.md §5``). 0 is no limit.
    :ivar reads_per_minute: likewise.
    :ivar discoveries_per_minute: likewise, for ``stores/discover``.
    :ivar ingestion_seconds: time that a registration is ``pending_catalog``, and then ``catalog_ingesting``.
    :ivar pull_timeout: real seconds in which a CatalogSet must have been downloaded.
    :ivar pull_max_bytes: maximum size of a CatalogSet.
    :ivar adopt_unknown: create an order or store with an unknown id instead of answering 404.
    :ivar answer_timeout: real seconds that the response to a webhook may take.
    :ivar retry_delays: seconds until each retry of a failed delivery; after the last one Gett gives up.
    :ivar retry_jitter: maximum fraction of a delay that is added to it at random.
    :ivar late_retries: the first retry comes an hour late.
    :ivar short_paths: webhooks go to ``/validate`` and ``/place`` instead of ``/validateOrder`` and ``/placeOrder``.
    :ivar empty_gett_order_id: ``gettOrderId`` is empty in webhooks.
    :ivar placed_amounts: ``amounts`` of placeOrder: all validated ones, the tip alone, or null.
    :ivar null_customer: ``customer`` is null in webhooks.
    :ivar read_answer_after: real seconds between the response to a placeOrder and Gett's reading it.
    :ivar early_updates_unknown: answer 404 to an update of an order whose placeOrder response has not been read.
    :ivar token_minutes: validity of a ``validatedOrderToken``.
    :ivar require_token: a placement needs a ``validatedOrderToken``.
    :ivar replay_hours: time for which an ``Idempotency-Key`` replays its response.
    :ivar session_days: validity of a session.
    :ivar google_client_ids: audiences of the Google ID tokens that give a session its user [D].
    :ivar order_events_url: URL that order events are sent to; none are sent when empty.
    """

    writes_per_minute: _PerMinute = 500
    reads_per_minute: _PerMinute = 5_000
    discoveries_per_minute: _PerMinute = 300
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
    google_client_ids: list[str] = Field(default_factory=lambda: ["gett.co"])
    order_events_url: str = ""

    def retry_delay(self, attempt: int, chance: float) -> float | None:
        """Return the seconds from a failed attempt (the first is 1) to the next; None after the last one.

        :param chance: fraction, in [0, 1), of the jitter to add.
        """
        if attempt > len(self.retry_delays):
            return None
        delay = self.retry_delays[attempt - 1]
        if self.late_retries and attempt == 1:
            delay = max(delay, 3_600.0)
        return delay * (1 + self.retry_jitter * chance)
