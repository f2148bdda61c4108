"""Pytest plugin: a real Redis, a local Gett and a kit as fixtures; the contract suite's expected failures and hints."""

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
    "pytest_addoption",
    "pytest_itemcollected",
    "pytest_runtest_makereport",
    "webhook_kit_adapter",
    "webhook_kit_local",
    "webhook_kit_redis_server",
    "webhook_kit_sandbox",
]


@pytest.fixture(scope="session")
def webhook_kit_redis_server() -> Iterator[RedisServer]:
    """A redis-server for the whole test run. Tests that could disturb each other empty it or use separate key prefixes."""
    from webhook_kit.testing.redis_server import RedisServer

    with RedisServer() as server:
        yield server


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that names the adapter of the fixture ``webhook_kit_local``."""
    parser.addini(
        "webhook_kit_adapter",
        "Adapter of the fixture webhook_kit_local: a registered name, or module:Class.",
        default="bogus",
    )


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the contract tests that a vendor lists in ``known_failures`` as expected failures."""
    known = getattr(getattr(item, "cls", None), "known_failures", None)
    reason = known.get(getattr(item, "originalname", item.name)) if known else None
    if reason:
        item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the broken rule, the harm it prevents and its remedy to the report of a failed contract test."""
    report = yield
    test = getattr(item, "function", None)
    if report.failed and getattr(test, "__module__", "").startswith("webhook_kit.testing.contract."):
        report.sections.insert(0, ("the rule that does not hold", inspect.cleandoc(test.__doc__ or "")))
    return report


@pytest.fixture
def webhook_kit_sandbox() -> Iterator[GettSandbox]:
    """A local Gett for one test, served on the loopback, with a clock, a quota and faults that the test can set."""
    from webhook_kit.sandbox.sandbox import GettSandbox

    with GettSandbox.start() as sandbox:
        yield sandbox


@pytest.fixture
def webhook_kit_adapter(pytestconfig: pytest.Config) -> str:
    """The adapter of the fixture ``webhook_kit_local``: the ini option ``webhook_kit_adapter``, unless a test overrides it."""
    name: str = pytestconfig.getini("webhook_kit_adapter")
    return name


@pytest.fixture
def webhook_kit_local(
    webhook_kit_sandbox: GettSandbox, webhook_kit_redis_server: RedisServer, webhook_kit_adapter: str
) -> Iterator[LocalKit]:
    """A kit with one store at ``webhook_kit_sandbox``. Its webhooks are served; ``push()`` sends the pending updates."""
    from webhook_kit.testing.local_kit import LocalKit

    with LocalKit.start(webhook_kit_sandbox, webhook_kit_redis_server.url, webhook_kit_adapter) as local:
        yield local
