"""The Procfile as it stands, run by honcho on small plans of Redis: an order goes through, and SIGTERM under load loses none."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.scenario.documented import commands
from tests.scenario.procfile_env import PATH, PATIENT, Plan, ProcfileEnv, honcho
from webhook_kit.operations.checks.redis_server import Processes
from webhook_kit.scaffold.project import render
from webhook_kit.settings import Settings
from webhook_kit.testing.bogus_catalog import bogus_catalog
from webhook_kit.testing.processes import free_port, wait_until

ROOT = Path(__file__).parents[2]
MINI = Plan(20, "25mb", {"WEB_CONCURRENCY": "1", "REDIS_MAX_CONNECTIONS": "3"})
PREMIUM_0 = Plan(40, "50mb", {"WEB_CONCURRENCY": "2"})


DEFAULTS = {"WEB_CONCURRENCY": "2", "REDIS_MAX_CONNECTIONS": str(Settings().redis_max_connections)}

NOT_YET = ("GETT_API_KEY", "GETT_WEBHOOK_SECRETS", "POS_ADAPTER", "GETT_STORE_ID", "PUBLIC_URL")
"""Settings that a person cannot set before there is an application."""


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
    first = installation.release(**dict.fromkeys(NOT_YET, ""))
    assert first.returncode == 0, first.output()
    assert "this installation has never run" in first.output()
    configured = installation.release()
    assert configured.returncode == 0, configured.output()
    assert "everything is configured" in configured.output()

    with ExitStack() as after_sigterm, installation.running() as processes:
        placed = installation.order()
        installation.await_confirmations()
        assert installation.tickets() == [placed]
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

    later = installation.release(GETT_API_KEY="")
    assert later.returncode == 1, later.output()
    assert "webhook-kit: GETT_API_KEY is not set" in later.output()

    web, pool = (int(installation.env.get(name, default)) for name, default in DEFAULTS.items())
    most = Processes(web=web).most_connections(pool)
    assert 0 < installation.most_connections <= most


def test_page_leads_to_an_order_and_to_the_reason_of_a_refusal(tmp_path: Path) -> None:
    """Every command of ``docs/heroku.md`` for one's own computer, as it is written there, at other ports."""
    folder = tmp_path / "heroku"
    shutil.copytree(ROOT / "examples" / "heroku", folder)
    ports = {port: str(free_port()) for port in ("8000", "6390", "8090")}
    for file in ("local.env", "Procfile.local"):
        text = (folder / file).read_text()
        (folder / file).write_text(re.sub("|".join(ports), lambda match: ports[match[0]], text))
    env = {**PATIENT, "PATH": PATH, "SANDBOX_URL": f"http://127.0.0.1:{ports['8090']}"}
    urls = {"start": f"{env['SANDBOX_URL']}/", "start web push sync": f"http://127.0.0.1:{ports['8000']}/healthz"}

    with ExitStack() as started:
        said: dict[str, str] = {}
        for line in (each.line for each in commands() if each.page == "docs/heroku.md"):
            options, start, names = line.partition("start")
            if line.startswith("honcho ") and names != " release":
                arguments = options.removeprefix("honcho ") + start + names
                processes = started.enter_context(honcho(arguments, env, folder, urls[start + names]))
            elif line.startswith(("honcho ", "webhook-kit ")):
                settings = "" if line.startswith("honcho ") else "set -a; . ./local.env; set +a; "
                ids = re.findall(r" ([0-9a-f]{8}-[0-9a-f-]{27})", "".join(said.values()))
                shell = settings + line.replace("REF", ids[-1] if ids else "")
                done = subprocess.run(
                    ["sh", "-c", shell], env=os.environ | env, cwd=folder, capture_output=True, text=True, check=False
                )
                said[line] = done.stdout + done.stderr
    assert re.search("ITEM_UNAVAILABLE.*invalid", processes.output()), "the refusal of a check is in the log of web"
    assert "everything is configured" in said["webhook-kit check"]
    assert "update taken by Gett" in said["webhook-kit order timeline REF"]
    assert "PAYMENT_DECLINED: the card was declined" in said["webhook-kit sandbox order payment-declined"]
    assert "PAYMENT_DECLINED: the card was declined" in said["webhook-kit order show REF"]
    assert "Look for the order in the POS." in said["webhook-kit health"]
    assert "is released; the next attempt places it" in said["webhook-kit order resolve REF --not-placed"]
