"""``webhook-kit worker``: ``push`` sends updates to Gett, ``sync`` checks orders, stores and catalogs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from types import FrameType

import click

from webhook_kit.cli.common import open_kit
from webhook_kit.exit import end_on_sigterm, end_with_parent
from webhook_kit.logs import logger

__all__ = ["command"]

log = logger("worker")

_WORKERS = ("push", "sync")
_PAUSE = 1.0
"""Seconds before a dead worker is started again."""

_PARENT = "WEBHOOK_KIT_WORKER_PARENT"
"""Variable with the process id of the process that runs both workers, set for them alone."""

_STOP_SECONDS = 25.0
"""Seconds after which a worker that does not stop is killed: less than a platform's grace period."""


@click.command("worker")
@click.argument("which", type=click.Choice([*_WORKERS, "all"]), default="all")
@click.option("--burst", is_flag=True, help="Stop when nothing is queued.")
def command(which: str, burst: bool) -> None:
    """Run a worker until it is stopped. The default, all, runs push and sync in one process each."""
    end_on_sigterm()
    if parent := os.environ.get(_PARENT):
        end_with_parent(int(parent))
    from webhook_kit.arenas import limit_arenas
    from webhook_kit.worker import run_push, run_sync

    limit_arenas()
    if which == "push":
        run_push(open_kit(), burst=burst)
    elif which == "sync":
        run_sync(open_kit(), burst=burst)
    else:
        kit = open_kit()
        _ = kit.stores, kit.client  # report configuration mistakes once, before anything runs
        sys.exit(_Both(burst=burst).run())


class _Both:
    """Run both workers as child processes, pass signals on, and restart a worker that dies."""

    def __init__(self, *, burst: bool) -> None:
        self._burst = burst
        self._stopping = False
        self._failed = False
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> int:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._stop)
        try:
            for name in _WORKERS:
                self._start(name)
            while self._children:
                time.sleep(0.1)
                for name, child in list(self._children.items()):
                    if child.poll() is not None:
                        del self._children[name]
                        self._ended(name, child.returncode)
        finally:
            self._stop(signal.SIGTERM, None)
            self._wait_for_children()
        return int(self._failed)

    def _wait_for_children(self) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "webhook_kit.cli", "worker", name, *(["--burst"] if self._burst else [])]
        env = {**os.environ, _PARENT: str(os.getpid())}
        self._children[name] = subprocess.Popen(command, env=env)  # noqa: S603 - our own command
        if self._stopping:  # stopped while the worker was being started
            self._children[name].terminate()

    def _ended(self, name: str, status: int) -> None:
        if self._stopping:
            return
        if self._burst:
            self._failed |= status != 0
            return
        log.error("worker_died", worker=name, status=status)
        time.sleep(_PAUSE)
        self._start(name)

    def _stop(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        self._stopping = True
        for child in self._children.values():
            if child.poll() is None:
                child.send_signal(signum)
