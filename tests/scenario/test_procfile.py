"""The Procfile as it stands, run by honcho on small plans of Redis: an order goes through, and SIGTERM under load loses none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenario.procfile_env import Plan, ProcfileEnv
from webhook_kit.operations.checks.redis_server import Processes
from webhook_kit.scaffold.project import render
from webhook_kit.settings import Settings
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import wait_until

ROOT = Path(__file__).parents[2]
MINI = Plan(20, "25mb", {"WEB_CONCURRENCY": "1", "REDIS_MAX_CONNECTIONS": "3"})
PREMIUM_0 = Plan(40, "50mb", {"WEB_CONCURRENCY": "2"})


def example(tmp_path: Path) -> ProcfileEnv:
    """Return ``examples/heroku`` on the smallest plan."""
    tickets = tmp_path / "pos.sqlite"
    env = {"POS_ADAPTER": "bogus", "BOGUS_POS_FILE": str(tickets)}
    cola = float(bogus_catalog().items["cola"].base_price)
    return ProcfileEnv(ROOT / "examples" / "heroku", MINI, env, ("cola", cola), tickets)


def generated(tmp_path: Path) -> ProcfileEnv:
    """Return the project that ``webhook-kit new`` writes, with the defaults."""
    for path, text in render("blue-door").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    env = {"POS_ADAPTER": "blue_door:BlueDoor"}
    return ProcfileEnv(tmp_path, PREMIUM_0, env, ("lemonade", 3.2), tmp_path / "blue_door.sqlite")


@pytest.fixture(params=[example, generated], ids=lambda make: make.__name__)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcfileEnv]:
    with request.param(tmp_path) as env:
        yield env


def test_order_goes_through_and_sigterm_under_load_loses_none(installation: ProcfileEnv) -> None:
    release = installation.release()
    assert release.returncode == 0, release.output()
    assert "everything is configured" in release.output()

    with ExitStack() as after_sigterm, installation.running() as processes:
        first = installation.order()
        installation.await_confirmations()
        assert installation.tickets() == [first]
        after_sigterm.enter_context(installation.ordering())
        wait_until(lambda: len(installation.taken) > 50, message="some orders")
    assert "sending SIGTERM to web.1" in processes.output()
    assert installation.open, "no customer was ordering at that moment"
    in_the_pos = Counter(installation.tickets())
    assert set(installation.taken) <= in_the_pos.keys()
    assert max(in_the_pos.values()) == 1

    with installation.running():
        installation.place_open_orders()
        installation.await_confirmations()
    assert Counter(installation.tickets()) == Counter(installation.taken)

    web, pool = (int(installation.env.get(name, default)) for name, default in DEFAULTS.items())
    most = Processes(web=web).most_connections(pool)
    assert 0 < installation.most_connections <= most


DEFAULTS = {"WEB_CONCURRENCY": "2", "REDIS_MAX_CONNECTIONS": str(Settings().redis_max_connections)}
