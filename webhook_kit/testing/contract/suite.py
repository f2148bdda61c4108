"""The complete contract: all its parts, and the checks that no test is overridden."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import getattr_static
from pathlib import Path
from typing import Any

import pytest

from webhook_kit.testing.contract.catalog import CatalogTests
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.failures import FailureTests
from webhook_kit.testing.contract.hooks import ContractHooks
from webhook_kit.testing.contract.outages import OutageTests
from webhook_kit.testing.contract.placement import PlacementTests
from webhook_kit.testing.contract.progress import ProgressTests
from webhook_kit.testing.contract.refusals import RefusalTests
from webhook_kit.testing.contract.rules import rules
from webhook_kit.testing.contract.safety import SafetyTests
from webhook_kit.testing.contract.validation import ValidationTests
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["AdapterContract"]


class AdapterContract(
    CatalogTests, ValidationTests, PlacementTests, RefusalTests, FailureTests, OutageTests, ProgressTests, SafetyTests
):
    """The tests that every adapter has to pass. Subclass it in a test module, with a name that begins with ``Test``.

    ``adapter`` and ``tickets`` are required; :class:`~webhook_kit.testing.contract.hooks.ContractHooks` has the rest. The
    tests themselves cannot be overridden: list a test that cannot pass in ``known_failures``, with the reason.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        tests = rules(AdapterContract)
        overridden = sorted(
            name
            for name in _fixed_attributes()
            if getattr_static(cls, name) is not getattr_static(AdapterContract, name)
        )
        if overridden:
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(overridden)}; the contract is the same for every adapter: list a test "
                "that cannot pass in known_failures, with the reason"
            )
        unknown = sorted(set(cls.known_failures) - set(tests))
        if unknown:
            raise TypeError(
                f"{cls.__name__}.known_failures contains {', '.join(unknown)}, which is not a test of the contract"
            )
        without_reason = sorted(name for name, reason in cls.known_failures.items() if not reason.strip())
        if without_reason:
            raise TypeError(f"{cls.__name__}.known_failures gives no reason for {', '.join(without_reason)}")

    @pytest.fixture
    def env(
        self, webhook_kit_redis_server: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[ContractEnvironment]:
        """Kit, store and POS of one test."""
        self.directory = tmp_path
        properties = request.node.user_properties
        with ContractEnvironment(
            self, webhook_kit_redis_server.url, lambda reason: properties.append(("contract-skip", reason))
        ) as env:
            yield env
            output = env.output
        print(*output, sep="\n")  # noqa: T201 - pytest shows it next to a failed test


def _fixed_attributes() -> set[str]:
    """Return the names that a vendor must not define: the tests and their environment."""
    classes = [each for each in AdapterContract.__mro__ if each not in (ContractHooks, object)]
    return {name for each in classes for name in vars(each) if not name.startswith("__")}
