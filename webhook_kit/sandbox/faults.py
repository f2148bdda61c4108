"""Faults on demand: by call, store and probability, for calls that come and webhooks that go."""

from __future__ import annotations

import threading
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from webhook_kit.sandbox.seeded_random import SeededRandom
from webhook_kit.sandbox.state import SandboxModel

__all__ = ["Fault", "Faults", "Kind"]

Kind = Literal["status", "delay", "drop", "duplicate", "reorder", "expired_token", "wrong_signature"]
"""``status``: answered with it, and nothing else happens · ``delay``: ``seconds`` later, real ones · ``drop``: done, but the
connection is closed without an answer · ``expired_token``: the token of a session, or of a validated order, counts as expired.

Of webhooks alone: ``duplicate``: delivered twice · ``reorder``: held back until the next one for its store went out ·
``wrong_signature``."""


_OUTGOING: frozenset[Kind] = frozenset({"duplicate", "reorder", "wrong_signature"})
_INCOMING: frozenset[Kind] = frozenset({"expired_token"})


class Fault(SandboxModel):
    """One rule.

    :ivar call: the name of the call or webhook it is for (see ``docs/sandbox.md``), or several, separated by commas; any
        when None.
    :ivar store: Gett's id of the store it is for; any when None.
    :ivar probability: how often it strikes, from 0 to 1.
    :ivar times: how many times it still strikes; without end when None.
    :ivar status: what to answer, for ``status``.
    :ivar seconds: how long, for ``delay``; ``Retry-After`` of a ``status``.
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
            raise ValueError("a status goes with the kind “status”, and with no other")
        return self


class Faults:
    """The rules in force, in order. Used by many threads at once."""

    def __init__(self, random: SeededRandom) -> None:
        self._random = random
        self._lock = threading.Lock()
        self._rules: list[Fault] = []

    def add(self, *rules: Fault) -> None:
        """Put rules behind those there are."""
        with self._lock:
            self._rules.extend(rule.model_copy() for rule in rules)

    def replace(self, rules: list[Fault]) -> None:
        """Put rules in place of all there are."""
        with self._lock:
            self._rules = [rule.model_copy() for rule in rules]

    def rules(self) -> list[Fault]:
        """The rules that may still strike."""
        with self._lock:
            return [rule.model_copy() for rule in self._rules]

    def select(self, call: str, store: str | None = None, *, outgoing: bool = False) -> dict[Kind, Fault]:
        """What befalls this call: of each kind the first rule that fits, if chance wills.

        :param outgoing: it is a webhook, not a call that came.
        """
        struck: dict[Kind, Fault] = {}
        with self._lock:
            for rule in self._rules:
                if rule.kind in (_INCOMING if outgoing else _OUTGOING):  # it cannot befall this, so it is not used up
                    continue
                named = rule.call is None or call in rule.call.split(",")
                fits = named and rule.store in (None, store) and rule.kind not in struck
                if fits and (rule.probability == 1 or self._random.fraction(f"fault {rule.kind}") < rule.probability):
                    struck[rule.kind] = rule
                    rule.times = None if rule.times is None else rule.times - 1
            self._rules = [rule for rule in self._rules if rule.times != 0]
        return struck
