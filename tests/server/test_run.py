"""The processes of the web server: start, stop, and strangers who send slowly."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from granian.server.mp import WorkerProcess

from tests.webhooks.webhook_client import SECRET, STORE_ID, order
from webhook_kit.cli.serve import command as serve_command
from webhook_kit.gett.signing import signed_headers
from webhook_kit.server.run import wait_in_one_thread
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import PATIENCE, Process, free_port
from webhook_kit.testing.redis_server import RedisServer

VENDOR = """
import threading, time
from webhook_kit import PosAdapter
from webhook_kit.testing.bogus import BogusAdapter

threading.Thread(target=time.sleep, args=(1000,), name="vendor").start()

class Vendor(BogusAdapter):
    pass

class Stuck(BogusAdapter):
    def fetch_catalog(self, store):
        print("FETCHING", flush=True)
        time.sleep(1000)

class Slow(BogusAdapter):
    def fetch_catalog(self, store):
        print("FETCHING", flush=True)
        time.sleep(3)
        return super().fetch_catalog(store)
"""


LONG = {"WEBHOOK_DEADLINE": "500", "POS_DEADLINE": "400", "POS_ABANDON_AFTER": "400", "CATALOG_DEADLINE": "240"}


def web_server(redis: RedisServer, port: int, *arguments: str, cwd: Path | None = None, **env: str) -> Process:
    command = [
        sys.executable,
        "-m",
        "webhook_kit.cli",
        "serve",
        "--port",
        str(port),
        "--workers",
        "2",
        "--threads",
        "4",
        *arguments,
    ]
    settings = {
        "REDIS_URL": redis.url,
        "GETT_WEBHOOK_SECRETS": SECRET,
        "POS_ADAPTER": "bogus",
        "GETT_STORE_ID": STORE_ID,
    }
    return Process(command, env=settings | env, cwd=cwd)


@pytest.fixture
def slow_sockets() -> Iterator[ExitStack]:
    with ExitStack() as sockets:
        yield sockets


HEAD = b"POST /placeOrder HTTP/1.1\r\nHost: x\r\n"
BEGINNINGS = {
    "body": HEAD + b"Content-Length: 1000\r\n\r\n{",
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
    "head": HEAD + b"X-A: ",
    "nothing": b"",
}


def test_slow_strangers_keep_nobody_from_ordering(redis_server: RedisServer, slow_sockets: ExitStack) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with web_server(redis_server, port) as server:
        server.wait_http(f"{url}/healthz")
        held: dict[str, socket.socket] = {}
        for kind, beginning in BEGINNINGS.items():
            for _ in range(150):
                held[kind] = slow_sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
                held[kind].sendall(beginning)
        body = json.dumps(order()).encode()
        for _ in range(4):
            response = requests.post(
                f"{url}/validateOrder", data=body, headers=signed_headers(body, SECRET), timeout=PATIENCE
            )
            assert response.status_code == 200
        for kind in ("body", "chunked"):  # their connections are closed, too
            held[kind].settimeout(PATIENCE)
            assert held[kind].recv(1000).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "moment", ["Spawning worker-1", "Spawning worker-2", "application_created", "Started worker-2"]
)
def test_signal_stops_the_server_at_any_moment_of_its_start(redis_server: RedisServer, moment: str) -> None:
    with web_server(redis_server, free_port()) as server:
        server.wait_until(lambda: moment in server.output(), message=moment)
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM)


def test_exit_does_not_wait_for_a_thread_of_a_vendor(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "vendor.py").write_text(VENDOR)
    port = free_port()
    with web_server(redis_server, port, cwd=tmp_path, POS_ADAPTER="vendor:Vendor") as server:
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
        assert "Killing worker" not in server.output()


def test_repeated_signals_do_not_cut_off_a_request(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "vendor.py").write_text(VENDOR)
    port, key_prefix = free_port(), f"{tmp_path.name[:30]}:"
    with (
        web_server(redis_server, port, cwd=tmp_path, POS_ADAPTER="vendor:Slow", KEY_PREFIX=key_prefix) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        body = json.dumps(order()).encode()
        url, headers = f"http://127.0.0.1:{port}/validateOrder", signed_headers(body, SECRET)
        response = pool.submit(requests.post, url, data=body, headers=headers, timeout=PATIENCE)
        server.wait_until(lambda: "FETCHING" in server.output(), message="the request")
        processes = psutil.Process(server.pid).children(recursive=True)
        for _ in range(3):
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    process.terminate()
            os.kill(server.pid, signal.SIGTERM)
            time.sleep(0.2)
        assert response.result().status_code == 200
        assert server.wait() == 0


def test_process_that_dies_is_started_again(redis_server: RedisServer) -> None:
    """The out-of-memory killer takes one process of a dyno, and the other goes on."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/healthz"
    with web_server(redis_server, port) as server:
        server.wait_http(url)
        server.wait_until(lambda: server.output().count(" runtime-1") == 2, message="both processes")
        main = psutil.Process(server.pid)
        before = main.children()
        before[0].kill()
        server.wait_until(lambda: server.output().count(" runtime-1") == 3, message="another process")
        assert len({each.pid for each in main.children()} | {each.pid for each in before}) == 3
        server.wait_http(url)
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0


def test_signal_to_every_process_stops_the_server(redis_server: RedisServer) -> None:
    """A platform signals all processes of a container: none that has ended is started again."""
    port = free_port()
    with web_server(redis_server, port) as server:
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        server.wait_until(lambda: server.output().count(" runtime-1") == 2, message="both processes")
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        assert "Respawning" not in server.output()


def test_process_that_does_not_stop_is_killed_in_time(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "vendor.py").write_text(VENDOR)
    port, key_prefix = free_port(), f"{tmp_path.name[:30]}:"
    env = {"POS_ADAPTER": "vendor:Stuck", "KEY_PREFIX": key_prefix, **LONG}
    limit = ("--workers-kill-timeout", "1")
    with web_server(redis_server, port, *limit, cwd=tmp_path, **env) as server, ThreadPoolExecutor(1) as pool:
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        body = json.dumps(order()).encode()
        url, headers = f"http://127.0.0.1:{port}/validateOrder", signed_headers(body, SECRET)
        response = pool.submit(requests.post, url, data=body, headers=headers, timeout=PATIENCE)
        server.wait_until(lambda: "FETCHING" in server.output(), message="the request")
        os.kill(server.pid, signal.SIGTERM)
        server.wait()
        assert "Killing worker" in server.output()
        with pytest.raises(requests.ConnectionError):
            response.result()


def test_process_that_has_ended_is_not_taken_for_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watcher gets the status of a process, and is slow to record it."""
    waitpid, main_thread = os.waitpid, threading.current_thread()

    def late(pid: int, options: int) -> tuple[int, int]:
        if threading.current_thread() is main_thread:
            time.sleep(0.05)
            return waitpid(pid, options)
        status = waitpid(pid, options)
        time.sleep(0.2)
        return status

    monkeypatch.setattr(os, "waitpid", late)
    create: Any = WorkerProcess
    worker = create(None, 0, time.sleep, (1000,))
    wait_in_one_thread(worker)
    worker.start()
    worker.kill()  # the handlers of other signals are those of the tests before
    worker.join(PATIENCE)
    assert not worker.is_alive()


def default(option: str) -> int:
    (value,) = [each.default for each in serve_command.params if each.name == option]
    assert isinstance(value, int)
    return value


def test_default_kill_timeout_lies_between_a_webhook_and_the_end_of_a_grace_period() -> None:
    assert Settings().webhook_deadline < default("kill_timeout") < 30


def test_threads_remain_by_default_while_as_many_pos_calls_as_allowed_hang() -> None:
    assert default("threads") > Settings().pos_max_calls


def test_second_server_on_a_port_does_not_start(redis_server: RedisServer) -> None:
    port = free_port()
    with web_server(redis_server, port) as first:
        first.wait_http(f"http://127.0.0.1:{port}/healthz")
        with web_server(redis_server, port) as second:
            assert second.wait() == 1
            assert f"webhook-kit: --port {port}: another process listens on it" in second.output()
            assert "Traceback" not in second.output()


def test_processes_end_with_the_one_that_started_them(redis_server: RedisServer) -> None:
    port = free_port()
    with web_server(redis_server, port) as server:
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        workers = psutil.Process(server.pid).children(recursive=True)
        os.kill(server.pid, signal.SIGKILL)
        assert psutil.wait_procs(workers, PATIENCE)[1] == []
        assert server.wait() == -signal.SIGKILL


def test_mistakes_of_the_configuration_are_lines_and_not_tracebacks(redis_server: RedisServer) -> None:
    with web_server(redis_server, free_port(), GETT_WEBHOOK_SECRETS="") as server:
        assert server.wait() != 0
        assert "webhook-kit: GETT_WEBHOOK_SECRETS is not set" in server.output()
        assert "Traceback" not in server.output()
        assert "Respawning" not in server.output()


def test_every_line_of_the_server_is_one_json_object(redis_server: RedisServer) -> None:
    port = free_port()
    with web_server(redis_server, port) as server:
        server.wait_http(f"http://127.0.0.1:{port}/healthz")
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
        lines = [json.loads(line) for line in server.output().splitlines()]
    assert all({"event", "level", "logger", "timestamp"} <= set(line) for line in lines)
    assert {"granian", "app"} <= {line["logger"] for line in lines}
