"""Everything of the storm as real processes: Redis, the kit's processes, the sandbox as Gett, the POS, and proxies between them."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Self
from unittest.mock import patch
from uuid import UUID

import requests

from tests.storage.sentinel_env import SentinelEnv
from tests.storm.adapter import ADAPTERS
from tests.storm.evidence import Window
from tests.storm.gett import Gett
from tests.storm.ledger import Ledger
from tests.storm.options import GETT_OPTIONS, KIT_SETTINGS, StormOptions
from tests.storm.pos import MISHAPS
from tests.storm.proxy import Network
from webhook_kit.adapter import Store
from webhook_kit.kit import Kit
from webhook_kit.settings import Settings
from webhook_kit.stores.file import as_toml
from webhook_kit.testing.processes import Process, wait_until
from webhook_kit.testing.redis_server import RedisServer

__all__ = ["CLOCKS", "Installation", "Member"]

_ROOT = Path(__file__).parents[2]
_SECRET, _API_KEY = "whsec_storm", "key_storm"
CLOCKS = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), Path("/nowhere"))
"""libfaketime of the Debian package of that name; without it all processes have the host's clock."""


class Member(Process):
    """A process of the installation, with a clock of its own.

    :ivar kind: ``web``, ``push``, ``sync``, ``console``, ``gett``, ``pos`` or ``proxy``.
    :ivar expected: True while it has to run.
    """

    def __init__(self, name: str, kind: str, command: list[str], env: Mapping[str, str], directory: Path) -> None:
        self.name, self.kind = name, kind
        self._lock = threading.RLock()
        self.expected = False
        self._clock = directory / f"{name}.clock"
        self.set_clock(0)
        clock: dict[str, str] = {}
        if kind in ("web", "push", "sync", "console") and CLOCKS.exists():
            clock = {
                "LD_PRELOAD": str(CLOCKS),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "NO_FAKE_STAT": "1",
                "PYTHONPATH": f"{_ROOT / 'tests' / 'storm' / 'clocks'}:{env['PYTHONPATH']}",
            }
        super().__init__(command, env={**env, **clock}, cwd=_ROOT, log=directory / f"{name}.log")

    def set_clock(self, seconds: float) -> None:
        """Let its clock be so much ahead of the host's."""
        self._clock.write_text(f"{seconds:+.0f}s\n")

    def start(self) -> Self:
        """Start it, unless another fault has done so."""
        with self._lock:
            if not self.running:
                super().start()
            self.expected = True
        return self

    def kill(self) -> int | None:
        with self._lock:
            self.expected = False
            return super().kill()

    def terminate(self, timeout: float = 90.0) -> int | None:
        with self._lock:
            self.expected = False
            return super().terminate(timeout)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of its group within the block, without ending it."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, signum: int) -> None:
        with self._lock, suppress(ProcessLookupError, PermissionError):  # another fault may have killed it
            os.killpg(self.pid, signum)


class Installation:
    """A context manager that starts everything.

    :param alerts_url: of the alert channel.
    :ivar members: the processes by name, without Redis.
    :ivar redis: the single server, unless there are sentinels.
    :ivar sentinels: None without sentinels.
    :ivar redis_lock: held by a fault of Redis.
    :ivar losses: spans in which Redis lost writes.
    :ivar disorder: spans in which a request to Gett could be overtaken.
    """

    def __init__(self, options: StormOptions, alerts_url: str) -> None:
        self.options, self._alerts_url = options, alerts_url
        self.directory = options.directory
        self.stores = list(_stores(options.stores))
        self._random = Random(f"{options.seed} clocks")
        self._ports = _ports(options.web + 16)
        self.members: dict[str, Member] = {}
        self.redis_lock = threading.Lock()
        self.sentinels: SentinelEnv | None = None
        self.losses: list[Window] = []
        self.disorder: list[Window] = []
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._start(starting)
            self._resources = starting.pop_all()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._resources.close()

    def _start(self, resources: ExitStack) -> None:
        self._port = {name: next(self._ports) for name in ("redis", "gett", "pos", "console", "control")}
        self._route = {name: next(self._ports) for name in ("web", "redis", "gett", "pos")}
        (self.directory / "redis").mkdir()
        if self.options.sentinels:
            self.sentinels = SentinelEnv(
                self.directory / "redis", replicas=2, down_after=3000, port=lambda: next(self._ports)
            )
            resources.enter_context(self.sentinels)
        else:
            self.redis = resources.enter_context(RedisServer(self.directory / "redis", port=self._port["redis"]))
        self.env = self._settings()
        self._add_proxy()
        self._add(
            "gett", "gett", "sandbox", "--port", f"{self._port['gett']}", "--api-key", _API_KEY, "--secret", _SECRET
        )
        pos = ("tests.storm.pos", str(self.ledger_file), f"{self._port['pos']}", f"{self.options.seed}", self.web_url)
        self._member("pos", "pos", ["-m", *pos])
        for number, port in enumerate(self._web_ports):
            self._add(f"web{number}", "web", *_serving(("serve",), port, 32))
        for kind, count in (("push", self.options.push), ("sync", self.options.sync)):
            for number in range(count):
                self._add(f"{kind}{number}", kind, "worker", kind)
        self._add("console", "console", *_serving(("console", "serve"), self._port["console"], 4))
        Ledger(self.ledger_file).close()
        for name in ("proxy", "gett", "pos"):
            resources.enter_context(self.members[name])
        self.gett = Gett(f"http://127.0.0.1:{self._port['gett']}", _API_KEY)
        self.members["gett"].wait_http(f"{self.gett.url}/__sandbox/options")
        self.gett.configure(GETT_OPTIONS)
        self.set_mishaps({})
        for store in self.stores:
            self.gett.add_store(store, self.web_url)
        for member in self.kit_members():
            member.set_clock(self._random.uniform(-120, 120))
            resources.enter_context(member)
        wait_until(lambda: len(self.gett.catalogs()) == len(self.stores), 600, "Gett to have every catalog", interval=1)

    @property
    def redis_url(self) -> str:
        """Value for ``REDIS_URL`` without the proxy."""
        return self.sentinels.url if self.sentinels is not None else self.redis.url

    @property
    def ledger_file(self) -> Path:
        return self.directory / "pos.sqlite"

    @property
    def web_url(self) -> str:
        """Address of the web servers behind their load balancer."""
        return f"http://127.0.0.1:{self._route['web']}"

    @property
    def console_url(self) -> str:
        return f"http://127.0.0.1:{self._port['console']}/console"

    @property
    def pos_url(self) -> str:
        """Address of the POS without its proxy."""
        return f"http://127.0.0.1:{self._port['pos']}"

    @cached_property
    def network(self) -> Network:
        return Network(self._port["control"])

    @cached_property
    def kit(self) -> Kit:
        """A kit of this process, which reaches Redis without the proxy."""
        with patch.dict(os.environ, {**self.env, "REDIS_URL": self.redis_url}):
            return Kit(Settings.from_env())

    def kit_members(self) -> list[Member]:
        """Return the kit's own processes."""
        return [each for each in self.members.values() if each.kind in ("web", "push", "sync", "console")]

    def of_kind(self, kind: str) -> list[Member]:
        """Return the processes of a kind."""
        return [each for each in self.members.values() if each.kind == kind]

    def wait_ready(self, member: Member) -> None:
        """Wait until a web server answers."""
        if member.kind == "web":
            member.wait_http(self.health_url(member), 600)

    def health_url(self, web: Member) -> str:
        """Return the address at which a platform probes a web server."""
        return f"http://127.0.0.1:{self._web_ports[int(web.name[-1])]}/healthz"

    def set_mishaps(self, mishaps: Mapping[str, float]) -> None:
        """Let the POS have these mishaps, beside some that it always has."""
        self.ask_pos("control", mishaps={**dict.fromkeys(MISHAPS, 0.003), **mishaps})

    def ask_pos(self, call: str, **members: Any) -> None:
        """Call the POS, again and again until it answers."""

        def asked() -> bool:
            with suppress(requests.RequestException):
                answer = requests.post(f"{self.pos_url}/{call}", json={"store": "", **members}, timeout=20)
                return answer.status_code == 200
            return False

        wait_until(asked, 300, f"the POS to take {call}", interval=0.2)

    def cli(self, *arguments: str) -> str:
        """Return the output of a command."""
        command = [sys.executable, "-m", "webhook_kit.cli", *arguments]
        process = Process(command, env={**self.env, "REDIS_URL": self.redis_url}, cwd=_ROOT).start()
        process.wait(300)
        return process.output()

    # -- start ---------------------------------------------------------------------------------------------------------

    @cached_property
    def _web_ports(self) -> list[int]:
        return [next(self._ports) for _ in range(self.options.web)]

    def _settings(self) -> dict[str, str]:
        file = self.directory / "stores.toml"
        file.write_text(as_toml(self._with_address(store) for store in self.stores))
        return {
            **KIT_SETTINGS,
            "PYTHONPATH": f"{_ROOT}",
            "PYTHONFAULTHANDLER": "1",
            **self._redis_settings(),
            "GETT_API_URL": f"http://127.0.0.1:{self._route['gett']}",
            "GETT_API_KEY": _API_KEY,
            "GETT_WEBHOOK_SECRETS": _SECRET,
            "PUBLIC_URL": self.web_url,
            "STORES_FILE": str(file),
            "ALERT_WEBHOOKS": self._alerts_url,
            "ALERT_WEBHOOK_SECRET": "alerts of the storm, signed with this",
            "ALERT_ALLOW_PRIVATE": "true",
            "ALERTS_PER_DAY": "10000",
            "CONSOLE_PROXY_HEADER": "X-User",
            "CONSOLE_PROXY_SECRET": "storm",
            "CONSOLE_OPERATORS": "storm",
        }

    def _redis_settings(self) -> dict[str, str]:
        if self.sentinels is None:
            return {"REDIS_URL": f"redis://127.0.0.1:{self._route['redis']}/0"}
        return {"REDIS_URL": self.sentinels.url, "REDIS_WAIT_REPLICAS": "1"}

    def _with_address(self, store: Store) -> Store:
        url = f"http://127.0.0.1:{self._route['pos']}"
        return Store(store.id, store.gett_id, store.adapter, options={"url": url})

    def _add_proxy(self) -> None:
        routes = {
            "web": (self._route["web"], self._web_ports),
            **{name: (self._route[name], [self._port[name]]) for name in ("redis", "gett", "pos")},
        }
        described = json.dumps({"control": self._port["control"], "routes": routes})
        self._member("proxy", "proxy", ["-m", "tests.storm.proxy", described])

    def _add(self, name: str, kind: str, *arguments: str) -> None:
        self._member(name, kind, ["-m", "webhook_kit.cli", *arguments])

    def _member(self, name: str, kind: str, arguments: list[str]) -> None:
        self.members[name] = Member(name, kind, [sys.executable, *arguments], self.env, self.directory)


def _serving(command: tuple[str, ...], port: int, threads: int) -> list[str]:
    return [*command, "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--threads", str(threads)]


def _stores(count: int) -> Iterator[Store]:
    levels = list(ADAPTERS)
    for number in range(count):
        level = levels[number % len(levels)]
        yield Store(f"{level}-{number}", str(UUID(int=number + 1)), ADAPTERS[level])


def _ports(least: int) -> Iterator[int]:
    """Yield free ports that no outgoing connection takes while their server is down."""
    random, found = Random(), 0
    while found < 4 * least:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found += 1
        yield port
