"""Tests that start a process or a browser are found, also through fixtures and helpers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.process_marker import starts_process
from webhook_kit.testing.processes import Process


class Server:
    def start(self) -> Process:
        return Process(["true"]).start()


def helper() -> Server:
    return Server()


def without_process(tmp_path: Path) -> None:
    assert tmp_path.exists()


def with_subprocess() -> None:
    subprocess.run(["true"], check=True)


def with_fork() -> None:
    os.fork()


def with_browser() -> None:
    with sync_playwright():
        pass


def with_helper() -> None:
    assert [helper() for _ in range(1)]


def with_local_function() -> None:
    def start() -> None:
        Process(["true"]).start()

    start()


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (without_process, False),
        (with_subprocess, True),
        (with_fork, True),
        (with_browser, True),
        (with_helper, True),
        (with_local_function, True),
    ],
)
def test_a_function_that_starts_a_process_is_found(
    function: object, expected: bool, request: pytest.FixtureRequest
) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="example", callobj=function)
    assert starts_process(item) is expected


@pytest.mark.usefixtures("server")
def test_a_fixture_that_starts_a_process_is_found(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("process")


def test_the_shared_redis_server_does_not_count(redis_server: object, request: pytest.FixtureRequest) -> None:
    assert redis_server
    assert not request.node.get_closest_marker("process")
