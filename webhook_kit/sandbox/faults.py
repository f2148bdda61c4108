"""Faults on demand: by call, store and probability, of incoming API calls and outgoing webhooks."""

from __future__ import annotations

import threading
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webhook_kit.sandbox.seeded_random import SeededRandom
from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Fault", "Faults", "Kind"]

Kind = Literal["status", "delay", "drop", "duplicate", "reorder", "expired_token", "wrong_signature"]
"""Kinds of faults.

* ``status``: the call is answered with this status and has no other effect.
* ``delay``: the call is delayed by ``seconds`` of real time.
* ``drop``: the call is executed, but the connection is closed without a response.
* ``expired_token``: the token of a session, or of a validated order, counts as expired.

Webhooks only:

* ``duplicate``: delivered twice.
* ``reorder``: held back until the next webhook to the same store was sent.
* ``wrong_signature``: signed with another secret.
"""

_OUTGOING: frozenset[Kind] = frozenset({"duplicate", "reorder", "wrong_signature"})
_INCOMING: frozenset[Kind] = frozenset({"expired_token"})


class Fault(SandboxModel):
    """A rule that makes calls or webhooks fail.

    :ivar call: name of the call or webhook (see ``docs/sandbox.md``), or several, separated by commas; any when None.
    :ivar store: Gett's id of the store; any when None.
    :ivar probability: probability that it applies to a matching call, from 0 to 1.
    :ivar times: number of times that it still applies; without limit when None.
    :ivar status: HTTP status of the response, for ``status``.
    :ivar seconds: duration of a ``delay``; ``Retry-After`` of a ``status``.
    """

    kind: Kind
    call: str | None = None
    store: str | None = None
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    times: Annotated[int, Field(ge=1)] | None = None
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    seconds: Annotated[float, Field(ge=0, le=600)] = 1.0

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "status") != (self.status is not None):
            raise ValueError("status is required for the kind “status”, and not allowed for any other kind")
        return self


class Faults:
    """The faults in force, in order. Thread-safe."""

    def __init__(self, random: SeededRandom) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(self, *rules: Fault) -> None:
        """Append rules."""
        with self._lock:
            self._rules.extend(rule.model_copy() for rule in rules)

    def replace(self, rules: list[Fault]) -> None:
        """Replace all rules."""
        with self._lock:
            self._rules = [rule.model_copy() for rule in rules]

    def rules(self) -> list[Fault]:
        """Return the rules that may still apply."""
        with self._lock:
            return [rule.model_copy() for rule in self._rules]

    def select(self, call: str, store: str | None = None, *, outgoing: bool = False) -> dict[Kind, Fault]:
        """Return the faults to apply to this call: the first matching rule of each kind, subject to its probability.

        :param outgoing: True for a webhook, False for an API call.
        """
        selected: dict[Kind, Fault] = {}
        with self._lock:
            for rule in self._rules:
                if rule.kind in (_INCOMING if outgoing else _OUTGOING):  # cannot apply, so it is not used up
                    continue
                same_call = rule.call is None or call in rule.call.split(",")
                matches = same_call and rule.store in (None, store) and rule.kind not in selected
                if matches and (
                    rule.probability == 1 or self._random.fraction(f"fault {rule.kind}") < rule.probability
                ):
                    selected[rule.kind] = rule
                    rule.times = None if rule.times is None else rule.times - 1
            self._rules = [rule for rule in self._rules if rule.times != 0]
        return selected
