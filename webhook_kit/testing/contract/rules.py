"""Rules of the contract, read from the docstrings of its tests, and the decorators that limit a rule to some adapters."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webhook_kit.adapter import Capability, Guarantee
from webhook_kit.testing.contract.environment import ContractEnvironment

__all__ = ["ContractRule", "requires_capability", "requires_guarantee", "rules"]

_Test = Callable[[Any, ContractEnvironment], None]

_SHAPE = re.compile(r"(?P<statement>.+?)\n\nProtects: (?P<protects>.+?)\nIf it fails: (?P<remedy>.+)", re.DOTALL)


@dataclass(frozen=True)
class ContractRule:
    """One rule of the contract.

    :ivar name: the name of its test.
    :ivar part: the part of the contract to which it belongs (``placement``).
    :ivar statement: the rule itself.
    :ivar protects: the damage that the rule prevents.
    :ivar remedy: the change to make when the rule is broken.
    :ivar applies_to: the capability or guarantee that an adapter has to declare for the rule to apply; empty for every adapter.
    """

    name: str
    part: str
    statement: str
    protects: str
    remedy: str
    applies_to: str


def rules(contract: type) -> dict[str, ContractRule]:
    """Return the rules of a contract class by the name of their test, in the order of the source."""
    found: dict[str, ContractRule] = {}
    for each in contract.__mro__:
        found.update((name, _rule(name, test)) for name, test in vars(each).items() if name.startswith("test_"))
    return found


def requires_capability(capability: Capability) -> Callable[[_Test], _Test]:
    """Apply a rule only to adapters that declare the capability."""
    return _limited(
        capability.value,
        lambda adapter: adapter.offers(capability),
        f"the adapter does not offer {capability}",
    )


def requires_guarantee(*guarantees: Guarantee) -> Callable[[_Test], _Test]:
    """Apply a rule only to adapters with one of these guarantees of one ticket per order."""
    names = " or ".join(guarantees)
    return _limited(
        names,
        lambda adapter: adapter.guarantee() in guarantees,
        f"the adapter's guarantee of one ticket per order is not {names}",
    )


def _limited(applies_to: str, applies: Callable[[Any], bool], reason: str) -> Callable[[_Test], _Test]:
    def decorate(test: _Test) -> _Test:
        @functools.wraps(test)
        def limited(self: Any, env: ContractEnvironment) -> None:
            if not applies(self.adapter):
                env.skip(reason)
            test(self, env)

        limited.applies_to = applies_to  # type: ignore[attr-defined]
        return limited

    return decorate


def _rule(name: str, test: Any) -> ContractRule:
    match = _SHAPE.fullmatch(inspect.cleandoc(test.__doc__ or ""))
    if match is None:
        raise TypeError(f"{name}: the docstring needs a statement, then 'Protects: …' and 'If it fails: …'")
    part = test.__module__.rpartition(".")[2]
    texts = {key: " ".join(text.replace("``", "").split()) for key, text in match.groupdict().items()}
    return ContractRule(name, part, applies_to=getattr(test, "applies_to", ""), **texts)
