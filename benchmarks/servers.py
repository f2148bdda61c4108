"""Web servers to measure: started as the Procfile starts the kit's, watched, and ended."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil

from benchmarks.load import Connection
from webhook_kit.testing.processes import Process, free_port

__all__ = ["Server", "granian", "uvicorn"]

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """A web server on a port of its own; a context manager that starts it and leaves nothing running.

    What it prints, logs included, goes to a temporary file.
    """

    def __init__(self, command: list[str], port: int, env: Mapping[str, str]) -> None:
        self.port = port
        self._process = Process(command, env={"PYTHONPATH": str(ROOT), **env}, cwd=ROOT)

    def __enter__(self) -> Self:
        self._process.start()
        self._process.wait_http(f"http://127.0.0.1:{self.port}/healthz")
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()

    def cpu(self) -> float:
        """Seconds of CPU that it has used so far, its workers included."""
        return sum(sum(process.cpu_times()[:2]) for process in self._all())

    def workers(self) -> list[psutil.Process]:
        """The processes that answer requests."""
        return [process for process in self._all()[1:] if "resource_tracker" not in " ".join(process.cmdline())]

    @contextmanager
    def connections(self, count: int) -> Iterator[list[Connection]]:
        """So many open connections, spread evenly over the workers.

        Workers take connections from one listening socket, and one that is quick may take them all: a benchmark would then
        measure one worker or two as luck has it. So more are opened, and those that are too many for a worker are closed.

        :raises AssertionError: when one worker takes none.
        """
        workers = self.workers()
        share = count // len(workers)
        held: dict[int, list[Connection]] = {worker.pid: [] for worker in workers}
        surplus: list[Connection] = []
        try:
            for _ in range(20):
                fresh = {connection.port: connection for connection in (self._greeted() for _ in range(count))}
                for worker in workers:
                    for end in worker.net_connections("tcp"):
                        connection = fresh.pop(end.raddr.port, None) if end.raddr else None
                        if connection is not None:
                            full = len(held[worker.pid]) == share
                            (surplus if full else held[worker.pid]).append(connection)
                surplus += fresh.values()
                if all(len(taken) == share for taken in held.values()):
                    break
            else:
                raise AssertionError(f"connections are not spread over the workers: {[len(h) for h in held.values()]}")
            yield [connection for taken in held.values() for connection in taken]
        finally:
            for connection in [*surplus, *(connection for taken in held.values() for connection in taken)]:
                connection.socket.close()

    def _greeted(self) -> Connection:
        """A connection that a worker has taken: it has answered."""
        connection = Connection(self.port)
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while not connection.complete():
            pass
        return connection

    def _all(self) -> list[psutil.Process]:
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]


def granian(application: str, env: Mapping[str, str]) -> Server:
    """A WSGI application served with the very line of the Procfile, but on the loopback."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    line = next(line.removeprefix("web: ") for line in lines if line.startswith("web: "))
    for ours, here in (
        ("granian ", f"{shlex.quote(sys.executable)} -m granian "),
        ("webhook_kit.app:create_app", application),
        ("0.0.0.0", "127.0.0.1"),
    ):
        assert ours in line, f"the Procfile's web line no longer has {ours!r}"
        line = line.replace(ours, here, 1)
    port = free_port()
    settings = {"PORT": str(port), "WEB_CONCURRENCY": "2", "WEB_THREADS": "32"}
    return Server(["/bin/sh", "-c", f"exec {line}"], port, {**env, **settings})


def uvicorn(application: str) -> Server:
    """An ASGI application on two uvicorn workers."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", application, "--workers", "2"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
    ]
    return Server(command, port, {})
