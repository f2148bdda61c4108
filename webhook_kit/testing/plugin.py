"""The pytest plugin: a real Redis for whoever asks for one, and what the contract suite says of itself in a report."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

pytest.register_assert_rewrite("webhook_kit.testing.contract")

if TYPE_CHECKING:  # every pytest run loads this module: it must cost nothing
    from webhook_kit.sandbox.sandbox import GettSandbox
    from webhook_kit.testing.local_kit import LocalKit
    from webhook_kit.testing.redis_server import RedisServer

__all__ = [
    "gett_sandbox",
    "kit",
    "pos_adapter",
    "pytest_addoption",
    "pytest_itemcollected",
    "pytest_runtest_makereport",
    "redis_server",
]


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real redis-server of this test run's own; empty it, or use a key prefix of your own, where tests could meet."""
    from webhook_kit.testing.redis_server import RedisServer

    with RedisServer() as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say in the configuration which adapter the fixture ``kit`` uses."""
    parser.addini("pos_adapter", "The adapter of the fixture kit: a registered name, or module:Class.", default="bogus")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Expect the failures that a vendor's contract class names, and no others."""
    known = getattr(getattr(item, "cls", None), "known_failures", None)
    reason = known.get(getattr(item, "originalname", item.name)) if known else None
    if reason:
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure of the contract what it protects, and what to do."""
    report = yield
    test = getattr(item, "function", None)
    if report.failed and getattr(test, "__module__", "").startswith("webhook_kit.testing.contract."):
        report.sections.insert(0, ("the rule that does not hold", inspect.cleandoc(test.__doc__ or "")))
    return report


@pytest.fixture
def gett_sandbox() -> Iterator[GettSandbox]:
    """A Gett of this test's own: served on the loopback, with a clock, a quota and faults that the test may set."""
    from webhook_kit.sandbox.sandbox import GettSandbox

    with GettSandbox.start() as sandbox:
        yield sandbox


@pytest.fixture
def pos_adapter(pytestconfig: pytest.Config) -> str:
    """The adapter of the fixture ``kit``: what the configuration says (``pos_adapter``), unless a test overrides this."""
    name: str = pytestconfig.getini("pos_adapter")
    return name


@pytest.fixture
def kit(gett_sandbox: GettSandbox, redis_server: RedisServer, pos_adapter: str) -> Iterator[LocalKit]:
    """A kit with one store at :func:`gett_sandbox`: its webhooks are served, and ``kit.push()`` sends what waits for Gett."""
    from webhook_kit.testing.local_kit import LocalKit

    with LocalKit.start(gett_sandbox, redis_server.url, pos_adapter) as local:
        yield local
