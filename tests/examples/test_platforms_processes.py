"""The command lines of examples/platforms, each started as it is written, with a real Redis and a local Gett."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

import pytest
import redis

from tests.examples.platform_files import READERS, PlatformProcess, containerfile
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.testing.processes import Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer, binary

SERVED = {"web": "/readyz", "console": "/console/login", "metrics": "/metrics"}
"""Path that answers 200 as soon as the process works."""

OURS = {"REDIS_URL", "GETT_API_URL"}
"""Variables of the files that name a server of the platform; the test has its own."""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """Make a folder with the programs that the command lines name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "valkey-server").symlink_to(binary())
    for name in ("webhook-kit", "python"):
        (folder / name).symlink_to(Path(sys.executable).parent / name)
    return folder


@pytest.fixture
def environment(gett_sandbox: GettSandbox, redis_server: RedisServer, programs: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "REDIS_URL": redis_server.url,
        "KEY_PREFIX": f"t{uuid4().hex}:",
        "GETT_API_URL": gett_sandbox.url,
        "GETT_API_KEY": gett_sandbox.api_key,
        "GETT_WEBHOOK_SECRETS": gett_sandbox.secret,
        "POS_ADAPTER": "bogus",
        "GETT_STORE_ID": gett_sandbox.add_store("main"),
        "STORE_OPTIONS": json.dumps({"file": str(tmp_path / "pos.sqlite")}),
        "CONSOLE_PASSWORDS": "true",
        "WEB_CONCURRENCY": "1",
    }


def prepare(each: PlatformProcess, environment: Mapping[str, str], *arguments: str, **variables: str) -> Process:
    """Return the process, not started, with the variables of the file and those of the test."""
    program = shutil.which(each.command[0], path=environment["PATH"])
    assert program, each.command[0]
    given = {name: value for name, value in each.env.items() if name not in OURS}
    env = {**environment, **given, **variables}
    return Process([program, *each.command[1:], *arguments], env=env)


def pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def answers(url: str) -> bool:
    try:
        with urlopen(url) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError):
        return False


def stop(running: Mapping[str, Process], grace: Mapping[str, float | None]) -> None:
    """Send SIGTERM to the main process of each, and check that all end in time and in order."""
    began = time.monotonic()
    for process in running.values():
        os.kill(process.pid, signal.SIGTERM)
    for name, process in running.items():
        allowed = grace[name]
        assert allowed is not None
        status = process.wait(max(0.1, began + allowed - time.monotonic()))
        assert status == 0, f"{name}: {status}\n{process.output()}"


@pytest.fixture
def ending() -> Iterator[ExitStack]:
    """Processes that end with the test in any case."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("platform", [name for name in READERS if name != "image"])
def test_every_line_starts_and_stops_in_time(
    platform: str, environment: dict[str, str], tmp_path: Path, ending: ExitStack
) -> None:
    processes = {each.name: each for each in READERS[platform]()}
    running: dict[str, Process] = {}
    if (server := processes.pop("redis", None)) is not None:
        port = free_port()
        data = ("--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path))
        running["redis"] = ending.enter_context(prepare(server, environment, *data))
        environment["REDIS_URL"] = f"redis://127.0.0.1:{port}/0"
        with redis.Redis(port=port) as client:
            running["redis"].wait_until(lambda: pings(client))
            assert client.config_get("maxmemory*")["maxmemory-policy"] == "noeviction"

    release = prepare(processes.pop("release"), environment).start()
    assert release.wait() == 0, release.output()

    ports = {name: str(free_port()) for name in processes}
    for name, each in processes.items():
        process = prepare(each, environment, PORT=ports[name], METRICS_PORT=ports[name])
        running[name] = ending.enter_context(process)
    for name, path in SERVED.items():
        if name in running:
            url = f"http://127.0.0.1:{ports[name]}{path}"
            running[name].wait_until(lambda: answers(url), message=url)  # noqa: B023 - called before the next
    # It answers 200 when both workers have given a sign of life.
    wait_until(lambda: answers(f"http://127.0.0.1:{ports['web']}/sendingz"), message="/sendingz")

    grace = {each.name: each.grace for each in READERS[platform]()}
    database = {name: process for name, process in running.items() if name == "redis"}
    stop({name: process for name, process in running.items() if name != "redis"}, grace)
    stop(database, grace)


def test_the_image_starts_and_its_health_check_passes(environment: dict[str, str], ending: ExitStack) -> None:
    (web,) = READERS["image"]()
    port = str(free_port())
    (check,) = [each.exec_form for each in containerfile() if each.name == "HEALTHCHECK"]
    assert check is not None
    look = prepare(PlatformProcess("health", check), environment, PORT=port)
    assert look.start().wait() == 1  # nothing listens yet
    running = ending.enter_context(prepare(web, environment, PORT=port))
    running.wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
    assert look.start().wait() == 0, look.output()
    stop({"web": running}, {"web": web.grace})
