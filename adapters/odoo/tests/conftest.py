"""A restaurant on a real Odoo for whoever asks; fetched once, seeded once, started once for each test process.

Where it cannot be had the tests are skipped, and say why; with ``CI`` in the environment they fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.installing import Unobtainable, installation, seed
from tests.odoo_server import OdooServer
from tests.restaurant import Restaurant
from webhook_kit.adapter import Store
from webhook_kit_odoo.adapter import OdooAdapter

_WHY_NOT = "WEBHOOK_KIT_ODOO_WHY_NOT"
"""Tells the test processes what the first one found out."""


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Fetch and seed before any test process starts, because no test's time-out should count that."""
    if hasattr(session.config, "workerinput") or session.config.option.collectonly:
        return
    try:
        seed(installation())
    except Unobtainable as error:
        os.environ[_WHY_NOT] = str(error)
    else:
        os.environ.pop(_WHY_NOT, None)


@pytest.fixture(scope="session")
def odoo_server() -> Iterator[OdooServer]:
    if why_not := os.environ.get(_WHY_NOT):
        words = f"no real Odoo to test against: {why_not}"
        if os.environ.get("CI"):
            pytest.fail(words, pytrace=False)
        pytest.skip(words)
    found = installation()
    with OdooServer(found, seed(found)) as server:
        yield server


@pytest.fixture
def restaurant(odoo_server: OdooServer) -> Restaurant:
    """A restaurant that nothing has happened in yet."""
    return Restaurant(odoo_server)


@pytest.fixture
def store(restaurant: Restaurant) -> Store:
    return restaurant.store()


@pytest.fixture
def adapter() -> OdooAdapter:
    return OdooAdapter()
