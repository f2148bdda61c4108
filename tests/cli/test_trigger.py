"""``webhook-kit trigger`` against real processes: a web server with the fake POS, and both sides of the wire."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, Response, request

from webhook_kit.sandbox.server import serve
from webhook_kit.testing.processes import PATIENCE, free_port
from webhook_kit.testing.stack import SECRET, Stack

HANDLER = "def handle(event):\n    print(event)\n"
Trigger = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop_events.py").write_text(HANDLER)
    env = {"ORDER_EVENT_HANDLER": "shop_events:handle", "WEBHOOK_PREFIX": "/gett"}
    with Stack("bogus", options={"outcomes": "hidden"}, env=env, worker=False, cwd=folder) as stack:
        yield stack


@pytest.fixture
def trigger(stack: Stack) -> Trigger:
    """Run the command with the settings of the web server; nobody answers its questions."""

    def run(*arguments: str, input: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        web = {"PORT": stack.urls[0].removesuffix("/gett").rpartition(":")[2]}
        command = [sys.executable, "-m", "webhook_kit.cli", "trigger", *arguments]
        return subprocess.run(
            command,
            env=stack.web[0].env | stack.env | web | env,
            cwd=stack.web[0].cwd,
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    return run


HOSTILE = (
    '{"errorCode": "X\\u001b[31m\\ud83d", "detail": "'
    + "long " * 100_000
    + '", "errors": [1, null, {"code": {}, "message": []}]}',
    '{"errors": {"a": ' + "[" * 900 + "]" * 900 + '}, "errorCode": 7}',
    "[" * 100_000,
    "\xff\x00",
    "",
)


@pytest.fixture
def hostile() -> Iterator[str]:
    """A server whose n-th path answers with the n-th hostile body."""
    app = Flask("hostile")

    @app.post("/<int:number>/validateOrder")
    def answer(number: int) -> Response:
        return Response(HOSTILE[number], 500, content_type="application/json")

    with serve(app) as url:
        yield url


@pytest.fixture
def recorder() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """A server that records what it gets, and answers nothing useful."""
    app, got = Flask("recorder"), list[tuple[dict[str, str], bytes]]()

    @app.post("/<path:_path>")
    def record(_path: str) -> Response:
        got.append((dict(request.headers), request.get_data()))
        return Response("[1, 2]", 200, content_type="application/json")

    with serve(app) as url:
        yield url, got


def test_an_order_is_validated_and_placed(trigger: Trigger, stack: Stack) -> None:
    ran = trigger("validateOrder")
    assert (ran.returncode, ran.stderr) == (
        0,
        f"POST {stack.urls[0]}/validateOrder, signed with the first of GETT_WEBHOOK_SECRETS\n",
    )
    assert ran.stdout.startswith("validateOrder: 200 in ")
    assert ": valid, total " in ran.stdout
    ran = trigger("placeOrder", "--store", "main", "--set", "cart.lineItems[0].quantity=2", "--json")
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert (answer["event"], answer["status"], answer["accepted"]) == ("placeOrder", 200, True)
    assert answer["body"]["cart"]["lineItems"][0]["quantity"] == 2
    assert answer["body"]["partnerOrderId"]
    assert [each["event"] for each in answer["before"]] == ["validateOrder"]
    record = stack.kit().placement_store.find(answer["idempotencyKey"])
    assert record is not None
    assert record["partner_id"] == answer["body"]["partnerOrderId"]


def test_a_file_is_sent_again_under_its_key(trigger: Trigger, stack: Stack) -> None:
    order = trigger("placeOrder", "--dry-run").stdout
    assert json.loads(order)["cart"]["storeId"] == stack.store_id
    key = "5f0a3c0e-6c3b-4c55-9d1e-6a2b5e0d7c11"
    first, second = (
        json.loads(trigger("placeOrder", "--file", "-", "--key", key, "--json", input=order).stdout) for _ in range(2)
    )
    assert first["body"] == second["body"]
    ran = trigger("placeOrder", "--file", "-", "--key", key, "--set", "cart.lineItems[0].quantity=5", input=order)
    assert ran.returncode == 1
    assert "placeOrder: 422 in " in ran.stdout


def test_a_refusal_exits_with_1_and_lists_violations(trigger: Trigger) -> None:
    ran = trigger("validateOrder", "--set", "cart.lineItems[0].itemId=no-such-item")
    assert ran.returncode == 1
    first, second = ran.stdout.splitlines()
    assert first.endswith(": not valid")
    assert second.startswith("  ITEM_UNAVAILABLE: ")
    assert "no-such-item $.cart.lineItems[0]" in second
    ran = trigger("placeOrder", "--set", "cart.lineItems[0].itemId=no-such-item")
    assert (ran.returncode, "placeOrder: " in ran.stdout) == (1, False), "a ticket of an order that is not valid"
    ran = trigger("placeOrder", "--no-validate", "--set", "amounts.total=0.01")
    assert (ran.returncode, "placeOrder: 4" in ran.stdout) == (1, True)
    ran = trigger("placeOrder", "--set", "validatedOrderToken=forged")
    assert (ran.returncode, "placeOrder: 4" in ran.stdout) == (1, True), "what the answer has set is set again"


def test_a_wrong_signature_is_refused(trigger: Trigger) -> None:
    ran = trigger("validateOrder", "--secret", "whsec_somebody_else")
    assert (ran.returncode, "signed with --secret" in ran.stderr) == (1, True)
    assert ran.stdout.startswith("validateOrder: 401 in ")
    assert "UNAUTHENTICATED: the Signature does not match the body" in ran.stdout


def test_what_was_changed_on_the_wire_is_refused(
    trigger: Trigger, stack: Stack, recorder: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, got = recorder
    ran = trigger("validateOrder", "--to", f"{url}/validateOrder/")
    assert (ran.returncode, "not valid" in ran.stdout) == (1, True), "an answer that is no object"
    ((headers, body),) = got

    def forward(raw: bytes) -> int:
        passed_on = {name: value for name, value in headers.items() if name not in ("Host", "Content-Length")}
        return requests.post(
            f"{stack.urls[0]}/validateOrder", data=raw, headers=passed_on, timeout=PATIENCE
        ).status_code

    assert forward(body.replace(b'"quantity": 1', b'"quantity": 9')) == 401
    assert forward(body) == 200


def test_an_order_event_reaches_the_handler(trigger: Trigger) -> None:
    ran = trigger("orderEvent", "--set", "data.status=shipped", "--set", "data.checkout_session_id=s-1")
    assert (ran.returncode, ran.stdout.endswith(": handled\n")) == (0, True)
    ran = trigger("orderEvent", "--set", "data.status=created", "--set", "data.checkout_session_id=s-1")
    assert ran.stdout.endswith(": stale\n")
    ran = trigger("orderEvent", "--set", "data.status=burnt")
    assert (ran.returncode, "$.data.status" in ran.stdout) == (1, True)


def test_a_real_pos_and_a_foreign_address_are_asked_about(
    trigger: Trigger, stack: Stack, recorder: tuple[str, list[tuple[dict[str, str], bytes]]]
) -> None:
    url, got = recorder
    order = json.dumps({"cart": {"storeId": "of-another-installation", "lineItems": []}})
    arguments = ("placeOrder", "--file", "-", "--no-validate", "--to", url)
    ran = trigger(*arguments, input=order)
    assert (ran.returncode, got) == (1, [])
    assert "The POS makes a real ticket" in ran.stderr
    ran = trigger(*arguments, "--yes", input=order)
    assert (ran.returncode, len(got)) == (0, 1)
    ran = trigger("validateOrder", "--to", "http://192.0.2.7:9")
    assert ran.returncode == 1
    assert "http://192.0.2.7:9 is neither this host nor PUBLIC_URL" in ran.stderr
    assert "signed with this installation's secret" in ran.stderr
    assert "POST" not in ran.stderr
    ran = trigger("validateOrder", PUBLIC_URL="http://192.0.2.7:9", GETT_WEBHOOK_SECRETS="", **AUTHORIZED, input="")
    assert "neither" not in ran.stderr, "PUBLIC_URL is this installation"


AUTHORIZED: dict[str, Any] = {"GETT_WEBHOOK_AUTHORIZATION": "Bearer abc"}


def test_mistakes_of_the_command_line_exit_with_2(trigger: Trigger, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("[1]")
    for arguments, said in (
        (("validateOrder", "--set", "cart.lineItems[7].quantity=2"), "cart.lineItems has 1 entries"),
        (("validateOrder", "--key", "k"), "--key is for placeOrder"),
        (("placeOrder", "--key", "ü"), "printable ASCII"),
        (("orderEvent", "--store", "main"), "--store is for orders"),
        (("validateOrder", "--file", str(other)), "is not a JSON object"),
        (("validateOrder", "--file", str(tmp_path / "none.json")), "No such file"),
        (("validateOrder", "--to", "ftp://x"), "--to"),
        (("validateOrder", "--to", "https://user:pass@x"), "without user"),
        (("validateOrder", "--to", "https://[x"), "--to"),
    ):
        ran = trigger(*arguments)
        assert (ran.returncode, said in " ".join(ran.stderr.split())) == (2, True), ran.stderr
    ran = trigger("validateOrder", GETT_WEBHOOK_SECRETS="")
    assert (ran.returncode, "nothing signs the webhook" in ran.stderr) == (2, True)
    ran = trigger("validateOrder", "--to", "https://pos.example.org", GETT_WEBHOOK_SECRETS="", **AUTHORIZED)
    assert (ran.returncode, "GETT_WEBHOOK_AUTHORIZATION is not sent to" in ran.stderr) == (2, True)


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_answer_is_printed_in_few_words(number: int, trigger: Trigger, hostile: str) -> None:
    ran = trigger("validateOrder", "--to", f"{hostile}/{number}")
    assert (ran.returncode, len(ran.stdout) < 3_000, "\x1b" in ran.stdout) == (1, True, False)
    assert ran.stdout.startswith("validateOrder: 500 in ")
    assert "Traceback" not in ran.stderr
    ran = trigger("validateOrder", "--to", f"{hostile}/{number}", "--json")
    assert (json.loads(ran.stdout)["status"], "Traceback" in ran.stderr) == (500, False)


def test_no_answer_is_one_line(trigger: Trigger) -> None:
    ran = trigger("validateOrder", "--to", f"http://127.0.0.1:{free_port()}")
    assert ran.returncode == 1
    (line,) = ran.stderr.splitlines()[1:]
    assert line.startswith("webhook-kit: no answer from http://127.0.0.1:")
    assert SECRET not in ran.stderr + ran.stdout
