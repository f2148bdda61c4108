"""Runs a contract without pytest's collection, so that a test can check the failures."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from webhook_kit.testing.contract import AdapterContract
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.rules import rules


def contract_failures(contract: type[AdapterContract], redis_url: str, directory: Path, *names: str) -> dict[str, str]:
    """Return the contract tests that fail, with their messages.

    :param names: the tests to run; all of them when there are none.
    """
    failures = {}
    for name in names or rules(contract):
        hooks = contract()
        hooks.directory = directory / uuid4().hex
        hooks.directory.mkdir()
        try:
            with ContractEnvironment(hooks, redis_url) as env:
                getattr(hooks, name)(env)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - a rule can fail with any exception
            failures[name] = f"{type(error).__name__}: {error}"
    return failures
