"""``webhook-kit worker``: both workers as children of one process."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from webhook_kit.kit import Kit
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.testing.processes import PATIENCE, Process, free_port, wait_until
from webhook_kit.testing.redis_server import RedisServer

Worker = Callable[..., Process]


@pytest.fixture
def gett() -> Iterator[LocalGett]:
    local = LocalGett("", "secret", "key_test", str(uuid4()))
    with local.serve() as local.webhooks:
        yield local


@pytest.fixture
def worker(kit: Kit, gett: LocalGett, redis_server: RedisServer, tmp_path: Path) -> Iterator[Worker]:
    """``worker("all")``, not started."""
    made: list[Process] = []

    def make(*arguments: str, **env: str) -> Process:
        settings = {
            "REDIS_URL": redis_server.url,
            "KEY_PREFIX": kit.keys.prefix,
            "GETT_API_URL": gett.webhooks,
            "GETT_API_KEY": "key_test",
            "POS_ADAPTER": "bogus",
            "GETT_STORE_ID": gett.store_id,
            "BOGUS_POS_FILE": str(tmp_path / "pos.sqlite"),
            "GETT_WRITES_PER_MINUTE": "0",
        }
        command = [sys.executable, "-m", "webhook_kit.cli", "worker", *arguments]
        made.append(Process(command, env=settings | env, cwd=tmp_path))
        return made[-1]

    yield make
    for process in made:
        process.terminate()


def children(process: Process) -> dict[str, int]:
    """The workers under it: name and process id."""
    found = {}
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.Error):
            for name in child.cmdline()[-1:]:  # a dead one has none
                found[name] = child.pid
    return found


def working(process: Process) -> bool:
    return process.output().count('"worker_started"') >= 2


def test_all_runs_both_restarts_what_dies_and_passes_the_end_on(worker: Worker, kit: Kit, gett: LocalGett) -> None:
    with worker("all") as both:
        both.wait_until(lambda: working(both), message="both workers")
        first = children(both)
        assert set(first) == {"push", "sync"}
        kit.order_updates.progress("order-1", "confirmed")
        wait_until(lambda: not kit.lanes.all_waiting(), message="the update's record")
        psutil.Process(first["push"]).kill()
        both.wait_until(lambda: children(both).get("push", first["push"]) != first["push"], message="a new push worker")
        assert children(both)["sync"] == first["sync"]
        kit.order_updates.progress("order-1", "ready")
        wait_until(lambda: len(gett.update_log.updates("order-1")) == 2, message="the next update")
        pids = list(children(both).values())
        assert both.terminate() == 0
        assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_ctrl_c_ends_both_quietly(worker: Worker) -> None:
    with worker("all") as both:
        both.wait_until(lambda: working(both), message="both workers")
        pids = list(children(both).values())
        os.killpg(both.pid, signal.SIGINT)  # a terminal tells the whole group
        assert both.wait() == 0
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        assert "Traceback" not in both.output()


@pytest.mark.parametrize("which", ["push", "sync"])
def test_the_end_before_redis_was_reached_is_in_order(which: str, worker: Worker) -> None:
    process = worker(which, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0").start()
    process.wait_until(lambda: "redis_not_reachable" in process.output())
    assert process.terminate() == 0, process.output()


def test_both_end_with_the_process_that_started_them(worker: Worker) -> None:
    with worker("all") as both:
        both.wait_until(lambda: working(both), message="both workers")
        workers = psutil.Process(both.pid).children()
        os.kill(both.pid, signal.SIGKILL)
        assert psutil.wait_procs(workers, PATIENCE)[1] == []


def test_mistakes_are_told_before_anything_runs(worker: Worker) -> None:
    with worker("all", GETT_API_KEY="") as both:
        assert both.wait() == 1
        assert both.output() == "webhook-kit: GETT_API_KEY is not set; it is required to call Gett\n"


def test_a_burst_ends_by_itself(worker: Worker, kit: Kit, gett: LocalGett) -> None:
    kit.order_updates.progress("order-1", "confirmed")
    with worker("all", "--burst") as both:
        assert both.wait() == 0
    assert [update.body for update in gett.update_log.updates("order-1")] == [{"status": "confirmed"}]


def test_every_line_of_the_workers_is_one_json_object(worker: Worker) -> None:
    process = worker("all").start()
    process.wait_until(lambda: process.output().count("worker_started") == 2, message="both workers")
    assert process.terminate() == 0
    lines = [json.loads(line) for line in process.output().splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)
