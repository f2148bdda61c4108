"""Evidence seen from outside: per order the customer's answer, Gett's records, the POS's tickets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.storm.ledger import PosCall, Ticket

__all__ = ["Attempt", "Evidence", "Story", "Update", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, Unix seconds.

    :ivar waited: of a loss: the kit had waited until replicas had the claims (``REDIS_WAIT_REPLICAS``), which are not lost then.
    """

    begin: float
    end: float
    waited: bool = False

    def overlaps(self, begin: float, end: float) -> bool:
        """Return True if another span has a moment in common."""
        return self.begin <= end and begin <= self.end


@dataclass(frozen=True, slots=True)
class Attempt:
    """A delivery of placeOrder.

    :ivar status: None without an answer.
    """

    began: float
    ended: float
    status: int | None
    answer: Any


@dataclass(frozen=True, slots=True)
class Update:
    """An update that the kit has sent to Gett.

    :ivar step: the status, or the state if it ends the order.
    :ivar status: HTTP status of Gett's answer.
    """

    at: float
    step: str
    status: int | None


@dataclass(slots=True)
class Story:
    """An order.

    :ivar told: the answer that its customer got; None while Gett has not decided.
    :ivar accepted: True or False once the customer is told.
    :ivar record: Gett's record of it, read at the end.
    """

    key: str
    level: str = ""
    store: str = ""
    order_id: str = ""
    told: Any = None
    accepted: bool | None = None
    attempts: list[Attempt] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)
    record: Mapping[str, Any] | None = None

    @property
    def began(self) -> float:
        return min((attempt.began for attempt in self.attempts), default=0.0)

    @property
    def decided(self) -> float:
        """The end of the last delivery."""
        return max((attempt.ended for attempt in self.attempts), default=0.0)


@dataclass(slots=True)
class Evidence:
    """Everything that is known.

    :ivar calls: returns the calls of the POS about an order.
    :ivar losses: spans in which Redis lost writes.
    :ivar disorder: spans in which a request to Gett could be overtaken: a sender stood still, or the network held it.
    """

    calls: Callable[[str], Iterable[PosCall]] = lambda _ref: ()
    by_key: dict[str, Story] = field(default_factory=dict)
    by_order: dict[str, Story] = field(default_factory=dict)
    losses: list[Window] = field(default_factory=list)
    disorder: list[Window] = field(default_factory=list)
    strays: list[Ticket] = field(default_factory=list)

    def story(self, key: str) -> Story:
        """Return the story of an Idempotency-Key, a new one if there is none."""
        return self.by_key.setdefault(key, Story(key))

    def linked(self, key: str, order_id: str) -> Story:
        """Return the story of a key, whose id at Gett is known now."""
        story = self.story(key)
        if not story.order_id:
            story.order_id = order_id
            self.by_order[order_id] = story
        return story

    def losses_during(self, story: Story) -> list[Window]:
        """Return the losses of Redis while the order was placed."""
        return [loss for loss in self.losses if loss.overlaps(story.began, story.decided)]
