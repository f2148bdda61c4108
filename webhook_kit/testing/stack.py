"""The whole kit as processes on this machine: Redis, a local Gett, web servers and a worker.

Used by ``webhook-kit dev`` and by scenario tests.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch
from uuid import uuid4

from webhook_kit.kit import Kit
from webhook_kit.sandbox.local_gett import LocalGett
from webhook_kit.settings import Settings
from webhook_kit.testing.processes import Process, free_port
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["Stack"]

SECRET = "whsec_local"  # noqa: S105 - shared by two processes of one machine only
API_KEY = "key_local"


class Stack:
    """A context manager that starts all processes, and ends them.

    :param adapter: ``POS_ADAPTER`` of the store.
    :param options: options of the store for its adapter.
    :param env: further settings, as environment variables.
    :param web: number of web servers; each is a process with its own port.
    :param worker: also start a worker.
    :param cwd: working directory of the processes.
    :param gett_url: URL of a local Gett that is already running; when None, one is started for the store.
    :param configured: False omits the store from the configuration, so that it can be onboarded.
    :param port: port of the first web server; a free one when 0.
    """

    def __init__(
        self,
        adapter: str,
        *,
        options: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        web: int = 1,
        worker: bool = True,
        cwd: Path | None = None,
        gett_url: str | None = None,
        configured: bool = True,
        port: int = 0,
    ) -> None:
        self.store_id = str(uuid4())
        self.redis = RedisServer()
        store = {"POS_ADAPTER": adapter, "GETT_STORE_ID": self.store_id} if configured else {}
        self._env = {
            **store,
            "GETT_WEBHOOK_SECRETS": SECRET,
            "GETT_API_KEY": API_KEY,
            "STORE_OPTIONS": json.dumps(dict(options or {})),
            "LOG_FORMAT": "console",
            **(env or {}),
        }
        self._cwd = cwd
        self._web_count = web
        self._with_worker = worker
        self._gett_url = gett_url
        self._port = port
        self._resources = ExitStack()
        self.env: dict[str, str] = {}
        self.web: list[Process] = []
        self.urls: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        self._resources.close()

    def _start(self, resources: ExitStack) -> None:
        resources.enter_context(self.redis)
        if self._gett_url is None:
            self.gett = LocalGett("", SECRET, API_KEY, self.store_id)
        ports = [self._port or free_port(), *(free_port() for _ in range(self._web_count - 1))]
        self.env = {
            "REDIS_URL": self.redis.url,
            "GETT_API_URL": self._gett_url or resources.enter_context(self.gett.serve()),
            **self._env,
        }
        if self._gett_url is not None:  # a Gett that downloads catalogs
            self.env.setdefault("PUBLIC_URL", f"http://127.0.0.1:{ports[0]}")
        prefix = self.env.get("WEBHOOK_PREFIX", "")
        for port in ports[: self._web_count]:
            self.web.append(resources.enter_context(self.web_process(port)))
            self.urls.append(f"http://127.0.0.1:{port}{prefix}")
        self.worker = Process([sys.executable, "-m", "webhook_kit.cli", "worker"], env=self.env, cwd=self._cwd)
        if self._with_worker:
            resources.enter_context(self.worker)
        for process, url in zip(self.web, self.urls, strict=True):
            process.wait_http(f"{url.removesuffix(prefix)}/healthz")
        if self._gett_url is None:
            self.gett.webhooks = self.urls[0]

    def web_process(self, port: int, *, log: Path | None = None) -> Process:
        """Return a web server with the same settings; it is not started.

        :param log: file to which its output is appended; a temporary one when None.
        """
        command = [
            *(sys.executable, "-m", "webhook_kit.cli", "serve"),
            *("--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--threads", "32"),
        ]
        return Process(command, env=self.env, cwd=self._cwd, log=log)

    def kit(self) -> Kit:
        """Return a kit with the same settings in this process."""
        with patch.dict(os.environ, self.env):
            return Kit(Settings.from_env())

    def cli(self, *arguments: str) -> Process:
        """Run a ``webhook-kit`` command, and wait until it ends."""
        process = Process([sys.executable, "-m", "webhook_kit.cli", *arguments], env=self.env, cwd=self._cwd).start()
        process.wait()
        return process
