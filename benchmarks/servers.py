"""Web servers to measure: the kit with the command line of the Procfile, baselines with granian or uvicorn."""

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

__all__ = ["ROOT", "Server", "granian", "kit", "procfile_command", "uvicorn"]

ROOT = Path(__file__).resolve().parent.parent


class Server:
    """A web server on a free port; a context manager that starts and stops it.

    Its output, including the log, goes to a temporary file.
    """

    def __init__(self, command: list[str], port: int, env: Mapping[str, str]) -> None:
        self.port = port
        self.process = Process(command, env={"PYTHONPATH": str(ROOT), **env}, cwd=ROOT)

    def __enter__(self) -> Self:
        self.process.start()
        self.process.wait_http(f"http://127.0.0.1:{self.port}/healthz")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.process.terminate()

    def cpu(self) -> float:
        """Return the seconds of CPU that the server and its workers have used."""
        return sum(sum(process.cpu_times()[:2]) for process in self._all())

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer requests."""
        return [process for process in self._all()[1:] if "resource_tracker" not in " ".join(process.cmdline())]

    @contextmanager
    def connections(self, count: int) -> Iterator[list[Connection]]:
        """Open connections, spread evenly over the workers.

        Workers accept connections from one listening socket, and a fast worker may accept all of them, so that the result
        would depend on chance. So more connections are opened, and the surplus of each worker is closed.

        :raises AssertionError: the connections cannot be spread evenly.
        """
        workers = self.workers()
        share = count // len(workers)
        accepted: dict[int, list[Connection]] = {worker.pid: [] for worker in workers}
        surplus: list[Connection] = []
        try:
            for _ in range(20):
                opened = {
                    connection.port: connection for connection in (self._accepted_connection() for _ in range(count))
                }
                for worker in workers:
                    for end in worker.net_connections("tcp"):
                        connection = opened.pop(end.raddr.port, None) if end.raddr else None
                        if connection is not None:
                            full = len(accepted[worker.pid]) == share
                            (surplus if full else accepted[worker.pid]).append(connection)
                surplus += opened.values()
                if all(len(connections) == share for connections in accepted.values()):
                    break
            else:
                raise AssertionError(
                    f"connections are not spread over the workers: {[len(one) for one in accepted.values()]}"
                )
            yield [connection for connections in accepted.values() for connection in connections]
        finally:
            for connection in [*surplus, *(one for connections in accepted.values() for one in connections)]:
                connection.socket.close()

    def _accepted_connection(self) -> Connection:
        """Open a connection and wait for a response, so that a worker has accepted it."""
        connection = Connection(self.port)
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        while not connection.complete():
            pass
        return connection

    def _all(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]


_SETTINGS = {"WEB_CONCURRENCY": "2", "WEB_THREADS": "32"}


def procfile_command(name: str) -> list[str]:
    """Return the command of a process of the Procfile, on the loopback interface; also of one that is commented out."""
    lines = [line.removeprefix("# ") for line in (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()]
    line = next(line.removeprefix(f"{name}: ") for line in lines if line.startswith(f"{name}: "))
    program, *arguments = shlex.split(line)
    assert program == "webhook-kit", f"the Procfile's {name} line does not begin with webhook-kit"
    return [
        *(sys.executable, "-m", "webhook_kit.cli"),
        *("127.0.0.1" if argument == "0.0.0.0" else argument for argument in arguments),
    ]


def kit(env: Mapping[str, str], name: str = "web") -> Server:
    """Serve the kit with the command line of a process of the Procfile, on the loopback interface."""
    port = free_port()
    return Server(procfile_command(name), port, {**_SETTINGS, **env, "PORT": str(port)})


def granian(application: str, env: Mapping[str, str]) -> Server:
    """Serve another WSGI application with granian alone, with as many workers and threads."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", application, "--no-ws"),
        *("--host", "127.0.0.1", "--port", str(port), "--workers", "2", "--blocking-threads", "32"),
    ]
    return Server(command, port, env)


def uvicorn(application: str) -> Server:
    """Serve an ASGI application with two uvicorn workers."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "--factory", application, "--workers", "2"),
        *("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning"),
    ]
    return Server(command, port, {})
