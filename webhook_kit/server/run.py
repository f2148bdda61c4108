"""Start and end of the web server's processes."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from errno import EADDRINUSE
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer, WorkerProcess

from webhook_kit import logs
from webhook_kit.app import create_app
from webhook_kit.arenas import limit_arenas
from webhook_kit.errors import ConfigurationError, WebhookKitError
from webhook_kit.exit import end_on_sigterm, end_process, end_with_parent
from webhook_kit.server.front import Front
from webhook_kit.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["serve", "wait_in_one_thread"]

_CONNECTIONS = 4096
"""Connections that one process holds at the same time, slow ones included."""

_FILES = _CONNECTIONS + 1024
"""File descriptors that one process needs for them, and for everything else."""

_HEAD_TIMEOUT = 30_000
"""Milliseconds within which a request's head has to arrive."""

_BUFFER = 64 * 1024
"""Bytes of a head at most."""

_MISCONFIGURED = 1
"""Exit status of a process that cannot start: the next one could not either."""

_LOGGING = {
    "handlers": {},
    "formatters": {},
    "loggers": {name: {"handlers": [], "propagate": True} for name in ("_granian", "granian.access")},
}
"""Logging of granian: without handlers of its own, so that its lines are written as all others (:mod:`webhook_kit.logs`)."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def serve(
    host: str,
    port: int,
    *,
    workers: int,
    threads: int,
    kill_timeout: int,
    create: Callable[[], WSGIApplication] = create_app,
) -> None:
    """Serve the web application until the process has to stop. A process of it that dies is started again.

    :param host: IP address to listen on.
    :param workers: number of processes.
    :param threads: number of requests that one process handles at the same time.
    :param kill_timeout: seconds after which a process that does not stop is killed.
    :param create: makes the application in each process.
    :raises ConfigurationError: a setting is wrong, another process listens on the port, or the address cannot be used.
    """
    end_on_sigterm()
    limit_arenas()
    settings = Settings.from_env()
    logs.configure(settings.log_level, settings.log_format)
    _require_free(host, port)
    _allow_files()
    _stop_starting_workers()
    _Server(
        "webhook_kit.app",
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=workers,
        backlog=2048,
        backpressure=_CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_TIMEOUT, max_buffer_size=_BUFFER),
        workers_kill_timeout=kill_timeout,
        respawn_failed_workers=True,
        log_dictconfig=_LOGGING,
    ).serve(target_loader=partial(_create, create, threads, os.getpid()), wrap_loader=False)


def _create(create: Callable[[], WSGIApplication], threads: int, parent: int) -> Front:
    end_with_parent(parent)
    try:
        return Front(create(), threads)
    except WebhookKitError as error:
        sys.stderr.writelines(f"webhook-kit: {line}\n" for line in str(error).splitlines())
        end_process(_MISCONFIGURED)


class _Server(MPServer):
    """A server that does not start a process again that cannot start, and that stops although a process died at that moment."""

    def _spawn_worker(self, *arguments: Any, **options: Any) -> WorkerProcess:
        worker = super()._spawn_worker(*arguments, **options)
        wait_in_one_thread(worker)
        return worker

    def _respawn_workers(self, workers: list[int], *arguments: Any, **options: Any) -> None:
        if any(self.wrks[number].inner.exitcode == _MISCONFIGURED for number in workers):
            self.interrupt_children += workers  # ends the server with an error
            self.interrupt_signal = True
        else:
            super()._respawn_workers(workers, *arguments, **options)
        if self.interrupt_signal:  # granian has reset the event that told of it
            self.main_loop_interrupt.set()


def wait_in_one_thread(worker: Any) -> None:
    """Let only the watcher of a process wait for its end.

    granian's main thread waits for it, too, and only one of them gets the status from the system. When that was the watcher and
    the processor is busy, the main thread still takes the process for alive: it reports that it kills one that has ended normally.
    """
    watcher = threading.Thread(target=worker._watcher)  # noqa: SLF001 - granian has no other place for it
    worker._watch = watcher.start  # noqa: SLF001
    worker.join = watcher.join


def _require_free(host: str, port: int) -> None:
    """Raise an error if another process listens on the port: granian would share it, and each would get some requests."""
    try:
        family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        raise ConfigurationError(f"--host {host}: is not an IP address, such as 0.0.0.0 or 127.0.0.1") from None
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "another process listens on it; stop it first" if error.errno == EADDRINUSE else error.strerror
            raise ConfigurationError(f"--port {port}: {reason}") from error


def _allow_files() -> None:
    """Raise the limit of open files as far as the system allows: each connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _stop_starting_workers() -> None:
    """Let a signal end a worker process that is still starting.

    A worker is a fork of the main process and inherits its signal handlers, which only set a flag of the copy: the signal would
    be lost, and the main process would wait for the worker for ever. Signals are blocked during the fork, so that none arrives
    before the handlers are reset.
    """

    def in_child() -> None:
        for signum in _SIGNALS:
            signal.signal(signum, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS),
        after_in_child=in_child,
    )
