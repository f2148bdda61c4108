"""Real processes for tests and for a vendor's desk: started, waited for, killed, and never left behind. POSIX only."""

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
from pathlib import Path
from typing import Self, TypeVar

import requests

__all__ = ["PATIENCE", "Process", "free_port", "interruptible", "wait_until"]

T = TypeVar("T")

PATIENCE = 120.0
"""Seconds to wait for what should come soon: on a machine busy with other things nothing is slower than that by mere bad luck."""

_PAUSE = 0.01
_SHOWN = 10_000  # characters of output in a failure: the end of it is what matters

# The guard reads a pipe that only we hold open. The kernel closes it however we die, SIGKILL included, and the guard then
# kills the group. PR_SET_PDEATHSIG would not do: it needs code between fork and exec, which is unsafe once there are
# threads; it fires when the starting *thread* ends; and it does not reach grandchildren.
_GUARD = 'cat >/dev/null; kill -s KILL -- "-$0"'


def free_port() -> int:
    """A loopback port that nobody listens on at this moment; another process may take it before you do."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], T], timeout: float = PATIENCE, message: str = "the condition") -> T:
    """Ask until the answer is truthy, and return it.

    :param timeout: seconds.
    :param message: what is being waited for, for the failure.
    :raises TimeoutError: when it never was.
    """
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout:g} s in vain for {message}; the last answer was {answer!r}")
        time.sleep(_PAUSE)
    return answer


@contextmanager
def interruptible() -> Iterator[None]:
    """Let children that are started meanwhile die of Ctrl-C, also when this process ignores it.

    A shell that is no terminal's starts what it puts in the background with SIGINT ignored, and ignored it stays in every
    child. A signal that is caught is back at its default in a child; only the main thread can catch one, so in another
    thread this does nothing.
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
    """A command as a child in a process group of its own, which dies with us. A context manager starts and ends it.

    Its standard output and error go to the file ``log``, one after the other when it is started again.

    :param command: program and arguments; no shell.
    :param env: added to this process's environment.
    :param cwd: where it runs; here when None.
    :param log: file for its output; when None a temporary one that goes away with this object.
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
        # Unbuffered, so that a Python child's output can be read while it runs.
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
        """Start it, or start it again.

        :raises RuntimeError: when it runs already.
        :raises OSError: when the program cannot be run.
        """
        if self.running:
            raise RuntimeError(f"{self!r} runs already")
        self.kill()  # what an earlier run may have left in its group
        with self.log.open("ab") as output, interruptible():
            self._child = subprocess.Popen(  # noqa: S603 - running the caller's command is the point
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
        """Process id of the command, and id of its group.

        :raises RuntimeError: when it was never started.
        """
        if self._child is None:
            raise RuntimeError(f"{self!r} was never started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the command itself runs."""
        return self._child is not None and self._child.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit status, a signal's number negated; None while it runs."""
        return None if self._child is None else self._child.poll()

    def output(self) -> str:
        """All that it has written so far."""
        return self.log.read_text(errors="replace")

    def wait(self, timeout: float = PATIENCE) -> int:
        """Wait until it ends by itself, and return its exit status.

        :param timeout: seconds.
        :raises TimeoutError: with its output, when it runs on.
        """
        with self._showing_output():
            wait_until(lambda: not self.running, timeout, f"the end of {self!r}")
        self.kill()
        assert self._child is not None
        return self._child.returncode

    def wait_until(self, condition: Callable[[], T], timeout: float = PATIENCE, message: str = "the condition") -> T:
        """As :func:`wait_until`, for something that needs this process to run.

        :raises TimeoutError: with its output, when the condition never held.
        :raises ChildProcessError: with its output, as soon as it has ended.
        """

        def while_running() -> T:
            running = self.running  # asked first: what ended after a true answer still answered
            if (answer := condition()) or running:
                return answer
            raise ChildProcessError(f"{self!r} ended with status {self.returncode} before {message}")

        with self._showing_output():
            return wait_until(while_running, timeout, message)

    def wait_http(self, url: str, timeout: float = PATIENCE) -> None:
        """Wait until a GET is answered with a status below 500.

        :raises TimeoutError: with its output.
        :raises ChildProcessError: with its output, as soon as it has ended.
        """
        with requests.Session() as session:
            session.trust_env = False  # no proxy stands between us and the loopback

            def answers() -> bool:
                try:
                    return session.get(url, timeout=10).status_code < 500
                except requests.exceptions.RequestException:
                    return False

            self.wait_until(answers, timeout, f"an answer of {url}")

    def terminate(self, timeout: float = 60.0) -> int | None:
        """SIGTERM to the command; what is left of its group after that, or after ``timeout`` seconds, is killed.

        Harmless when it does not run.

        :return: the exit status; None when it was never started.
        """
        if self._child is not None and self.running:
            self._child.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout)
        return self.kill()

    def kill(self) -> int | None:
        """SIGKILL to the whole group at once. A grandchild that left the group is out of reach.

        Harmless when it does not run.

        :return: the exit status; None when it was never started.
        """
        if self._child is None:
            return None
        if self._guard is not None:
            # PermissionError is how macOS says that only a zombie is left.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._child.pid, signal.SIGKILL)
            self._guard.kill()
            self._guard.communicate()
            self._guard = None
        return self._child.wait()

    @contextmanager
    def _showing_output(self) -> Iterator[None]:
        try:
            yield
        except (TimeoutError, ChildProcessError) as failure:
            output = self.output()[-_SHOWN:] or "(nothing)"
            raise type(failure)(f"{failure}\n--- output of {self!r}:\n{output}") from None

    def _temporary_log(self) -> Path:
        descriptor, path = tempfile.mkstemp(prefix="webhook-kit-", suffix=".log")
        os.close(descriptor)
        weakref.finalize(self, Path(path).unlink, missing_ok=True)
        return Path(path)
