"""The contract: all its parts, and what keeps anyone from leaving one out unseen."""

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
from webhook_kit.testing.contract.placement import PlacementTests
from webhook_kit.testing.contract.progress import ProgressTests
from webhook_kit.testing.contract.refusals import RefusalTests
from webhook_kit.testing.contract.rules import rules
from webhook_kit.testing.contract.safety import SafetyTests
from webhook_kit.testing.contract.validation import ValidationTests
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["AdapterContract"]


class AdapterContract(
    CatalogTests, ValidationTests, PlacementTests, RefusalTests, FailureTests, ProgressTests, SafetyTests
):
    """What every adapter has to pass: subclass it in a test module, under a name that begins with ``Test``.

    ``adapter`` and ``tickets`` are required; see :class:`~webhook_kit.testing.contract.hooks.ContractHooks` for the rest. The tests
    themselves cannot be overridden: one that cannot pass is named, with its reason, in ``known_failures``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        tests = rules(AdapterContract)
        overridden = sorted(
            name for name in _fixed() if getattr_static(cls, name) is not getattr_static(AdapterContract, name)
        )
        if overridden:
            raise TypeError(
                f"{cls.__name__} overrides {', '.join(overridden)}: the contract is the same for every adapter; name a test "
                "that cannot pass in known_failures, with the reason"
            )
        unknown = sorted(set(cls.known_failures) - set(tests))
        if unknown:
            raise TypeError(
                f"{cls.__name__}.known_failures names {', '.join(unknown)}, which is no test of the contract"
            )
        silent = sorted(name for name, reason in cls.known_failures.items() if not reason.strip())
        if silent:
            raise TypeError(f"{cls.__name__}.known_failures gives no reason for {', '.join(silent)}")

    @pytest.fixture
    def bench(
        self, webhook_kit_redis_server: RedisServer, tmp_path: Path, request: pytest.FixtureRequest
    ) -> Iterator[ContractEnvironment]:
        """The kit, the store and the POS of one test."""
        self.directory = tmp_path
        properties = request.node.user_properties
        with ContractEnvironment(
            self, webhook_kit_redis_server.url, lambda reason: properties.append(("contract-skip", reason))
        ) as bench:
            yield bench
            heard = bench.heard
        print(*heard, sep="\n")  # noqa: T201 - pytest shows it beside a test that failed


def _fixed() -> set[str]:
    """What is the suite's own and not for a vendor to define: the tests, their steps and their bench."""
    rooms = [room for room in AdapterContract.__mro__ if room not in (ContractHooks, object)]
    return {name for room in rooms for name in vars(room) if not name.startswith("__")}
