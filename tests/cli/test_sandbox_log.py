"""``webhook-kit sandbox log``: filters, and a follower that outlives the sandbox it follows."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator

import pytest
import requests

from webhook_kit.testing.processes import PATIENCE, Process, free_port

CLI = [sys.executable, "-m", "webhook_kit.cli", "sandbox"]
BEARER = {"Authorization": "Bearer key-1"}


@pytest.fixture
def sandbox() -> Iterator[tuple[str, Process]]:
    port = free_port()
    with Process([*CLI, "--port", str(port)], env={"GETT_API_KEY": "key-1"}) as process:
        url = f"http://127.0.0.1:{port}"
        process.wait_http(f"{url}/__sandbox/clock")
        yield url, process


def get(url: str, path: str, headers: dict[str, str] = BEARER) -> None:
    requests.get(f"{url}/v1/commerce/{path}", headers=headers, timeout=PATIENCE)


def run(url: str, *arguments: str) -> str:
    with Process([*CLI, "log", *arguments], env={"SANDBOX_URL": url}) as process:
        assert process.wait() == 0, process.output()
        return process.output()


def test_entries_are_filtered_by_store_call_and_failure(sandbox: tuple[str, Process]) -> None:
    url, _ = sandbox
    for store_id, partner_id in (("s-1", "main"), ("s-2", "other")):
        store = {"partnerStoreId": partner_id, "name": partner_id}
        requests.put(f"{url}/__sandbox/stores/{store_id}", json=store, timeout=PATIENCE).raise_for_status()
    for path in ("stores", "stores/s-1", "stores/s-2", "stores/s-1"):
        get(url, path)
    get(url, "stores/s-2", headers={})

    def numbers(*filters: str) -> list[int]:
        return [json.loads(line)["number"] for line in run(url, "--json", *filters).splitlines()]

    assert numbers() == [1, 2, 3, 4, 5]
    assert numbers("--store", "s-1") == numbers("--store", "main") == [2, 4]
    assert numbers("--call", "stores") == [1]
    assert numbers("--call", "stores, store") == [1, 2, 3, 4, 5]
    assert numbers("--failed") == numbers("--failed", "--store", "other") == [5]
    assert numbers("--failed", "--store", "main") == []
    assert numbers("--after", "3") == [4, 5]


def test_a_follower_outlives_a_restart_and_ends_cleanly(sandbox: tuple[str, Process]) -> None:
    url, process = sandbox
    get(url, "stores")
    with Process([*CLI, "log", "--follow", "--url", url]) as follower:
        follower.wait_until(lambda: "1 " in follower.output() and "api_call stores 200" in follower.output())
        process.terminate()
        follower.wait_until(lambda: "has stopped; waiting for it" in follower.output())
        process.start().wait_http(f"{url}/__sandbox/clock")
        get(url, "stores/s-9")
        follower.wait_until(lambda: "api_call store s-9 404" in follower.output())
        assert "has restarted" in follower.output()
        os.kill(follower.pid, signal.SIGINT)
        assert follower.wait() == 0
        assert "Traceback" not in follower.output()
        assert "Aborted" not in follower.output()
