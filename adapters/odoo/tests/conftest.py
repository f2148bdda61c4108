"""Fixtures: a point of sale in a real Odoo, which is fetched and seeded once, and started once for each test process.

If Odoo cannot be installed, the tests are skipped with the reason; with ``CI`` in the environment they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.installing import InstallationFailed, installation, seed
from tests.odoo_pos import OdooPos
from tests.odoo_server import OdooServer
from webhook_kit import Store
from webhook_kit_odoo.adapter import OdooAdapter

_FAILURE = "WEBHOOK_KIT_ODOO_FAILURE"
"""Environment variable with the error of the installation, for the test processes."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Fetch and seed before any test process starts, so that no test's time-out includes it."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    try:
        seed(installation())
    except InstallationFailed as error:
        os.environ[_FAILURE] = str(error)
    else:
        os.environ.pop(_FAILURE, None)


@pytest.fixture(scope="session")
def odoo_server() -> Iterator[OdooServer]:
    if failure := os.environ.get(_FAILURE):
        message = f"Odoo cannot be installed: {failure}"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    installed = installation()
    with OdooServer(installed, seed(installed)) as server:
        yield server


@pytest.fixture
def pos(odoo_server: OdooServer) -> OdooPos:
    """A point of sale in a fresh database."""
    return OdooPos(odoo_server)


@pytest.fixture
def store(pos: OdooPos) -> Store:
    return pos.store()


@pytest.fixture
def adapter() -> OdooAdapter:
    return OdooAdapter()


@pytest.fixture
def water(pos: OdooPos) -> dict[str, Any]:
    """A line of an order."""
    return {"itemId": pos.item("Water"), "quantity": 2}
