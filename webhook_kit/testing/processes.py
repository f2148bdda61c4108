"""Child processes for tests and for the dev environment. They end when this process ends, in every case. POSIX only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

__all__ = ["PATIENCE", "Process", "free_port", "interruptible", "wait_until"]

T = TypeVar("T")

PATIENCE = 120.0
"""Default timeout of every wait, in seconds. Long enough for a machine that is busy with other work."""

_POLL_INTERVAL = 0.01
_MAX_OUTPUT = 10_000  # characters of output in an error message, from the end

# The guard reads a pipe that only this process holds open. The kernel closes the pipe when this process ends, even by
# SIGKILL, and the guard then kills the group. PR_SET_PDEATHSIG is not sufficient: it needs code between fork and exec,
# which is unsafe with threads; it fires when the starting *thread* ends; and it does not reach grandchildren.
_GUARD = 'cat >/dev/null; kill -s KILL -- "-$0"'


def free_port() -> int:
    """Return a free loopback port. Another process can take it before the caller does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    condition: Callable[[], T],
    timeout: float = PATIENCE,
    message: str = "the condition",
    *,
    interval: float = _POLL_INTERVAL,
) -> T:
    """Call the condition until its result is true, and return the result.

    :param timeout: in seconds.
    :param message: description of the condition for the error message.
    :param interval: seconds between two calls.
    :raises TimeoutError: when the condition was not true in time.
    """
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"timed out after {timeout:g} s waiting for {message}; the last result was {result!r}")
        time.sleep(interval)
    return result


@contextmanager
def interruptible() -> Iterator[None]:
    """Let children that are started within the block end on Ctrl-C, even if this process ignores it.

    A non-interactive shell starts background jobs with SIGINT ignored, and children inherit that. A signal with a handler
    is reset to its default in a child. Only the main thread can set a handler, so in another thread this does nothing.
    """
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not (ignored and threading.current_thread() is threading.main_thread()):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class Process:
    """A command as a child process in its own process group. A context manager starts and ends it.

    The group ends when this process ends. Standard output and error are appended to the file ``log``.

    :param command: program and arguments; no shell.
    :param env: variables added to this process's environment.
    :param cwd: working directory; that of this process when None.
    :param log: file for the output; when None, a temporary file that is deleted with this object.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
    ) -> None:
        self.command = list(command)
        # Unbuffered, so that the output of a Python child can be read while it runs.
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.cwd = cwd
        self.log = log or self._temporary_log()
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.terminate()

    def __repr__(self) -> str:
        return f"<Process {' '.join(self.command)}>"

    def start(self) -> Self:
        """Start the command, also after it has ended.

        :raises RuntimeError: when it is already running.
        :raises OSError: when the program cannot be started.
        """
        if self.running:
            raise RuntimeError(f"{self!r} is already running")
        self.kill()  # an earlier run can have left processes in its group
        with self.log.open("ab") as output, interruptible():
            self._child = subprocess.Popen(  # noqa: S603 - the command is the caller's
                self.command,
                env=self.env,
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        self._guard = subprocess.Popen(  # noqa: S603
            ["/bin/sh", "-c", _GUARD, str(self._child.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=0,
        )
        return self

    @property
    def pid(self) -> int:
        """Process id of the command, and of its group.

        :raises RuntimeError: when the command was never started.
        """
        if self._child is None:
            raise RuntimeError(f"{self!r} was never started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """True if the command itself is running."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """Exit status, or the negative number of the signal that ended it; None while it is running."""
        return None if self._child is None else self._child.poll()

    def output(self) -> str:
        """Return the output so far."""
        return self.log.read_text(errors="replace")

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until the command ends by itself, and return its exit status.

        :param timeout: in seconds.
        :raises TimeoutError: when it is still running; the message contains its output.
        """
        with self._output_in_errors():
            wait_until(lambda: not self.running, timeout, f"the end of {self!r}")
        self.kill()
        assert self._child is not None
        return self._child.returncode

    def wait_until(self, condition: Callable[[], T], timeout: float = PATIENCE, message: str = "the condition") -> T:
        """Wait for a condition as :func:`wait_until` does, while this process is running.

        The messages of the exceptions contain the output of the process.

        :raises TimeoutError: when the condition was not true in time.
        :raises ChildProcessError: as soon as the process has ended.
        """

        def while_running() -> T:
            running = self.running  # read first: a process can end right after the condition has become true
            if (result := condition()) or running:
                return result
            raise ChildProcessError(f"{self!r} ended with status {self.returncode} before {message}")

        with self._output_in_errors():
            return wait_until(while_running, timeout, message)

    def wait_http(self, url: str, timeout: float = PATIENCE) -> None:
        """Wait until the response to a GET over plain HTTP has a status below 500.

        :raises TimeoutError: as :meth:`wait_until`.
        :raises ChildProcessError: as :meth:`wait_until`.
        """
        address = urlsplit(url)

        def responds() -> bool:
            # No client with more comfort: a failed attempt should take no CPU time from the server that is starting.
            connection = HTTPConnection(address.netloc, timeout=10)
            try:
                connection.request("GET", address.path or "/")
                return connection.getresponse().status < 500
            except (OSError, HTTPException):
                return False
            finally:
                connection.close()

        self.wait_until(responds, timeout, f"a response from {url}")

    def terminate(self, timeout: float = 60.0) -> int | None:
        """Send SIGTERM to the command, and kill the rest of its group when it has ended, or after the timeout.

        Does nothing when it is not running.

        :param timeout: in seconds.
        :return: the exit status; None when it was never started.
        """
        if self._child is not None and self.running:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout)
        return self.kill()

    def kill(self) -> int | None:
        """Send SIGKILL to the whole group. A grandchild that has left the group is not reached.

        Does nothing when it is not running.

        :return: the exit status; None when it was never started.
        """
        if self._child is None:
            return None
        if self._guard is not None:
            # macOS raises PermissionError when the group has only a zombie.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._guard.kill()
            self._guard.communicate()
            self._guard = None
        return self._child.wait()

    @contextmanager
    def _output_in_errors(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, ChildProcessError) as error:
            output = self.output()[-_MAX_OUTPUT:] or "(nothing)"
            raise type(error)(f"{error}\n--- output of {self!r}:\n{output}") from None

    def _temporary_log(self) -> Path:
        descriptor, path = tempfile.mkstemp(prefix="webhook-kit-", suffix=".log")
        os.close(descriptor)
        weakref.finalize(self, Path(path).unlink, missing_ok=True)
        return Path(path)
