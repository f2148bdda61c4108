"""Table of the API's endpoints: every read model, and every action."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from webhook_kit.console.api.arguments import Arguments
from webhook_kit.operations import (
    actions,
    alerts,
    audit,
    catalogs,
    dead_letter_jobs,
    dead_letters,
    forget,
    health,
    incidents,
    onboarding,
    order_list,
    orders,
    quota,
    series,
    store_actions,
    stores,
    timeline,
    waiting,
)

__all__ = ["ACTIONS", "READS", "Endpoint"]


@dataclass(frozen=True)
class Endpoint:
    """Address at which a function is called.

    :ivar path: below ``/console/api/v1``.
    """

    path: str
    function: Callable[..., Any]
    flat: bool = True
    arguments: Arguments = field(init=False)

    def __post_init__(self) -> None:
        """Read the signature."""
        object.__setattr__(self, "arguments", Arguments(self.function, flat=self.flat))

    @property
    def name(self) -> str:
        """Name of the function: the operation's id."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """First line of the function's documentation."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]


READS = (
    Endpoint("/health", health.read_health),
    Endpoint("/orders", order_list.list_orders),
    Endpoint("/orders/search", orders.find_any),
    Endpoint("/order", orders.find),
    Endpoint("/order/timeline", timeline.timeline),
    Endpoint("/waiting", waiting.waiting),
    Endpoint("/dead-letters", dead_letters.list_dead_letters),
    Endpoint("/dead-letters/count", dead_letters.count),
    Endpoint("/dead-letters/jobs", dead_letter_jobs.list_jobs),
    Endpoint("/dead-letters/job", dead_letter_jobs.find_job),
    Endpoint("/alerts", alerts.read_open_alerts),
    Endpoint("/alerts/channels", alerts.read_alert_channels),
    Endpoint("/alerts/quiet-stores", alerts.read_quiet_stores),
    Endpoint("/incidents", incidents.incident_groups),
    Endpoint("/stores", stores.find_stores),
    Endpoint("/store", stores.read_store),
    Endpoint("/store/at-gett", stores.ask_gett),
    Endpoint("/store/at-pos", stores.ask_pos),
    Endpoint("/catalog", catalogs.read_catalog),
    Endpoint("/catalog/difference", catalogs.read_catalog_difference),
    Endpoint("/catalogs/rejected", catalogs.rejected_catalogs),
    Endpoint("/onboardings", onboarding.read_onboardings),
    Endpoint("/onboarding", onboarding.read_onboarding),
    Endpoint("/quota", quota.read_quota),
    Endpoint("/graph", series.series),
    Endpoint("/audit", audit.list_audit),
)
"""Read models, called with GET."""


_NOT_OFFERED = ("recorded", "forget_customer", "sync_catalogs")
"""Functions that are no action, or take longer than a request may: every order is searched, every POS is asked."""


def _actions(module: ModuleType) -> Iterator[Endpoint]:
    for name in module.__all__:
        function = getattr(module, name)
        parameters = list(inspect.signature(function).parameters) if inspect.isfunction(function) else []
        if parameters[:2] == ["kit", "actor"] and name not in _NOT_OFFERED:
            yield Endpoint(f"/actions/{name}", function, flat=False)


ACTIONS = tuple(endpoint for module in (actions, store_actions, alerts, quota, forget) for endpoint in _actions(module))
"""Actions, called with POST."""
