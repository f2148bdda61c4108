"""Runs a contract without pytest's collection, so that a test can look at what fails."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from webhook_kit.testing.contract import AdapterContract
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.rules import rules


def failures(contract: type[AdapterContract], redis_url: str, directory: Path) -> dict[str, str]:
    """The tests of a contract that fail, and what they say."""
    found = {}
    for name in rules(contract):
        vendor = contract()
        vendor.directory = directory / uuid4().hex
        vendor.directory.mkdir()
        try:
            with ContractEnvironment(vendor, redis_url) as bench:
                getattr(vendor, name)(bench)
        except pytest.skip.Exception:
            continue
        except (Exception, pytest.fail.Exception) as failure:  # noqa: BLE001 - whatever a rule ends in
            found[name] = f"{type(failure).__name__}: {failure}"
    return found
