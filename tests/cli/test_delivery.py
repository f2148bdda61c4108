"""Commands say how far an update is on its way to Gett, and wait for Gett on request."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import Lease
from webhook_kit.testing.processes import PATIENCE, wait_until

Run = Callable[..., Any]
PAUSE = ("stores", "pause", "main", "--reason", "too_busy")
SEE = "see webhook-kit outbox show store:main"


def lease(kit: Kit) -> Lease:
    return wait_until(lambda: kit.lanes.lease(1, 60_000).leases, message="an update")[0]


@pytest.fixture
def worker() -> Callable[[Callable[[], object]], threading.Thread]:
    """Do something while the command waits."""

    def start(work: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    return start


def test_a_pause_waits_and_a_repeated_one_says_what_became_of_the_first(run: Run, kit: Kit) -> None:
    pending = f"store main: the pause waits to be sent to Gett by a push worker; {SEE}\n"
    assert run(*PAUSE).out == run(*PAUSE).out == pending
    kit.lanes.postpone(lease(kit), 30, "503", charge=True)
    assert "waits to be sent to Gett by a push worker (503)" in run(*PAUSE).out
    kit.lanes.retry_now("store:main")
    kit.lanes.acknowledge(lease(kit), 200)
    assert run(*PAUSE).out == "store main: the pause was accepted by Gett\n"
    assert "the end of the pause waits to be sent" in run("stores", "resume", "main").out


def test_wait_returns_when_gett_has_accepted_it(run: Run, kit: Kit, worker: Any) -> None:
    thread = worker(lambda: kit.lanes.acknowledge(lease(kit), 200))
    ran = run(*PAUSE, "--wait", "--timeout", int(PATIENCE))
    thread.join()
    assert (ran.status, ran.out) == (0, "store main: the pause was accepted by Gett\n")


def test_wait_fails_when_gett_refuses_it(run: Run, kit: Kit, worker: Any) -> None:
    thread = worker(lambda: kit.lanes.dead_letter(lease(kit), "422: no", 422))
    ran = run(*PAUSE, "--wait", "--timeout", int(PATIENCE))
    thread.join()
    assert ran.status == 1
    assert ran.err.endswith(f"store main: the pause was not accepted by Gett: 422: no; {SEE}\n")


@pytest.mark.parametrize(
    ("command", "subject"),
    [
        (PAUSE, "store main: the pause"),
        (("order", "cancel", "1", "--reason", "no oven"), "order 1: the status cancelled"),
        (("catalog", "sync", "main"), "main: the notification"),
        (("catalog", "publish", "main"), "main: the notification"),
    ],
)
def test_wait_without_a_worker_ends_with_its_time(
    command: tuple[str, ...], subject: str, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    kit = make_kit(public_url="https://pos.example.org")
    monkeypatch.setattr(Kit, "from_env", classmethod(lambda _: kit))
    if command[1] == "publish":
        run("catalog", "sync", "main")
    ran = run(*command, "--wait", "--timeout", 0)
    assert ran.status == 1
    assert f"{subject} was not sent to Gett within 0 s: " in ran.err


def test_order_without_gett_s_id_says_what_it_waits_for(run: Run, kit: Kit) -> None:
    kit.placement_store.claim(key="k", gett_id="", store_id="main", fingerprint="f")
    assert (
        "(Gett's id is not known here: webhook-kit order link" in run("order", "progress", "k", "--status", "ready").out
    )


def test_merged_update_is_followed_to_the_one_that_is_sent(run: Run, kit: Kit, worker: Any) -> None:
    def send_after_a_newer_one() -> None:
        wait_until(lambda: kit.lanes.waiting("store:main"), message="the pause")
        kit.store_status.resume("main")
        kit.lanes.acknowledge(lease(kit), 200)

    thread = worker(send_after_a_newer_one)
    ran = run(*PAUSE, "--wait", "--timeout", int(PATIENCE))
    thread.join()
    assert (ran.status, ran.out) == (0, "store main: the pause was accepted by Gett\n")
