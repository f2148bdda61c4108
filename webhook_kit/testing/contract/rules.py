"""What a rule of the contract is: a sentence, what it protects, what to do when it does not hold, and whom it binds."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webhook_kit.adapter import Capability, Guarantee
from webhook_kit.testing.contract.environment import ContractEnvironment

__all__ = ["ContractRule", "granting", "offering", "rules"]

_Test = Callable[[Any, ContractEnvironment], None]

_SHAPE = re.compile(r"(?P<sentence>.+?)\n\nProtects: (?P<protects>.+?)\nIf it fails: (?P<remedy>.+)", re.DOTALL)


@dataclass(frozen=True)
class ContractRule:
    """One rule of the contract, as its test's docstring has it.

    :ivar name: the name of the test.
    :ivar part: the part of the contract that it belongs to (``placement``).
    :ivar sentence: what has to hold.
    :ivar protects: what is lost when it does not.
    :ivar remedy: what to do then.
    :ivar binds: the capability or guarantee that an adapter has to declare for it to be binding; empty for every adapter.
    """

    name: str
    part: str
    sentence: str
    protects: str
    remedy: str
    binds: str


def rules(contract: type) -> dict[str, ContractRule]:
    """The rules of a contract class by the name of their test, in the order in which they are written."""
    found: dict[str, ContractRule] = {}
    for room in contract.__mro__:
        found.update((name, _rule(name, test)) for name, test in vars(room).items() if name.startswith("test_"))
    return found


def offering(capability: Capability) -> Callable[[_Test], _Test]:
    """Bind a rule only to adapters that declare the capability."""
    return _binding(
        capability.value,
        lambda adapter: adapter.offers(capability),
        f"the adapter does not offer {capability}",
    )


def granting(*guarantees: Guarantee) -> Callable[[_Test], _Test]:
    """Bind a rule only to adapters whose "one ticket per order" rests on one of these."""
    names = " or ".join(guarantees)
    return _binding(
        names,
        lambda adapter: adapter.guarantee() in guarantees,
        f"one ticket per order does not rest on {names} with this adapter",
    )


def _binding(binds: str, bound: Callable[[Any], bool], reason: str) -> Callable[[_Test], _Test]:
    def decorate(test: _Test) -> _Test:
        @functools.wraps(test)
        def tested(self: Any, bench: ContractEnvironment) -> None:
            if not bound(self.adapter):
                bench.skip(reason)
            test(self, bench)

        tested.binds = binds  # type: ignore[attr-defined]
        return tested

    return decorate


def _rule(name: str, test: Any) -> ContractRule:
    said = _SHAPE.fullmatch(inspect.cleandoc(test.__doc__ or ""))
    if said is None:
        raise TypeError(f"{name} does not say what it protects and what to do when it fails")
    part = test.__module__.rpartition(".")[2]
    texts = {which: " ".join(text.replace("``", "").split()) for which, text in said.groupdict().items()}
    return ContractRule(name, part, binds=getattr(test, "binds", ""), **texts)
