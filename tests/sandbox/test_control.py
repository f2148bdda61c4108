"""Tests of the control API (clock, options, log, state), the command and the fixture."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from tests.sandbox.sandbox_env import CATALOG, KEY, NOON, STORE, Call, Consumer, FakePartner, check_problem
from webhook_kit.sandbox.app import create_app
from webhook_kit.sandbox.clock import Clock
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.sandbox import GettSandbox
from webhook_kit.sandbox.server import serve
from webhook_kit.testing.processes import PATIENCE, Process, free_port, wait_until


def test_clock_can_be_set_stopped_and_run_faster() -> None:
    clock = Clock(now=NOON, speed=0)
    assert clock.now() == NOON == clock.now()
    later = NOON + timedelta(seconds=90)
    assert clock.real_seconds_until(later) == float("inf")
    clock.advance(60)
    assert clock.now() == NOON + timedelta(seconds=60)
    clock.set(now=NOON, speed=3_600)
    assert 0.02 < clock.real_seconds_until(later) <= 0.025
    wait_until(lambda: clock.now() >= later, message="the clock to run")
    assert clock.real_seconds_until(NOON) == 0


def test_clock_over_http(client: FlaskClient, context: SandboxContext) -> None:
    assert client.get("/__sandbox/clock").get_json() == {"now": NOON.isoformat(), "speed": 0}
    shown = client.post("/__sandbox/clock", json={"now": "2027-01-01T00:00:00Z", "advance": 5}).get_json()
    assert shown == {"now": "2027-01-01T00:00:05+00:00", "speed": 0}
    assert client.post("/__sandbox/clock", json={"speed": 2}).get_json()["speed"] == 2
    for wrong in ({"speed": -1}, {"speed": "fast"}, {"now": "noon"}, {"hands": 3}, {"advance": 1e300}):
        check_problem(client.post("/__sandbox/clock", json=wrong), 422, "VALIDATION_FAILED")
    assert context.clock.speed == 2


def test_options_are_changed_individually(client: FlaskClient, context: SandboxContext) -> None:
    before = client.get("/__sandbox/options").get_json()
    after = client.patch("/__sandbox/options", json={"nullCustomer": True, "retryDelays": [1, 2]}).get_json()
    assert after == before | {"nullCustomer": True, "retryDelays": [1, 2]}
    for wrong in ({"nullCustomer": 1}, {"unknown": 1}, {"tokenMinutes": 0}, {"placedAmounts": "all"}):
        check_problem(client.patch("/__sandbox/options", json=wrong), 422, "VALIDATION_FAILED")
    assert context.options.to_data() == after


def test_key_and_secret_are_changed_and_never_shown(client: FlaskClient, context: SandboxContext) -> None:
    changed = client.patch("/__sandbox/credentials", json={"apiKey": "key-new", "secret": "whsec-new"})
    assert changed.get_json() == {"changed": ["apiKey", "secret"]}
    assert (context.api_key, context.secret) == ("key-new", "whsec-new")
    with_key = {"Authorization": "Bearer key-new"}
    assert client.get("/v1/commerce/stores", headers=with_key).status_code == 200
    assert client.get("/v1/commerce/stores", headers={"Authorization": f"Bearer {KEY}"}).status_code == 401
    assert client.patch("/__sandbox/credentials", json={"secret": "whsec-2"}).get_json() == {"changed": ["secret"]}
    assert (context.api_key, context.secret) == ("key-new", "whsec-2")
    for wrong in ({"secret": ""}, {"apiKey": "two\nlines"}, {"password": "x"}):
        check_problem(client.patch("/__sandbox/credentials", json=wrong), 422, "VALIDATION_FAILED")
    assert "whsec-2" not in client.get("/__sandbox/state").text


def test_log_is_read_after_a_number(client: FlaskClient, call: Call) -> None:
    call("GET", "stores")
    call("POST", f"stores/{STORE}/status", {"status": "online"})
    first, second = client.get("/__sandbox/log").get_json()["entries"]
    assert (first["number"], first["kind"], first["call"]) == (1, "api_call", "stores")
    assert first["request"]["headers"]["Authorization"] == "(hidden)"
    assert second["request"] | {"method": "POST", "path": f"/v1/commerce/stores/{STORE}/status"} == second["request"]
    assert second["request"]["body"] == {"status": "online"} == second["response"]["body"]
    assert client.get("/__sandbox/log?after=1").get_json()["entries"] == [second]
    assert client.get("/__sandbox/log?after=2&wait=0.01").get_json()["entries"] == []
    check_problem(client.get("/__sandbox/log?after=x"), 400, "INVALID_REQUEST")
    check_problem(client.get("/__sandbox/log?wait=nan"), 400, "INVALID_REQUEST")


def test_log_is_streamed(context: SandboxContext) -> None:
    with serve(create_app(context)) as url:
        context.append_log("finding", message="one")
        with requests.get(f"{url}/__sandbox/stream", stream=True, timeout=PATIENCE) as stream:
            lines = stream.iter_lines(decode_unicode=True)
            assert [next(lines), next(lines)] == ["id: 1", "event: finding"]
            assert json.loads(next(lines).removeprefix("data: "))["message"] == "one"
            context.append_log("finding", message="two")
            assert "id: 2" in (next(lines), next(lines))


def test_stores_are_created_and_changed(client: FlaskClient, call: Call, context: SandboxContext) -> None:
    created = client.put("/__sandbox/stores/s-2", json={"partnerStoreId": "two", "name": "Two", "timezone": "UTC"})
    assert created.get_json()["store"] == {"storeId": "s-2", "name": "Two", "timezone": "UTC"}
    assert call("GET", "stores/s-2").status_code == 200
    changed = client.patch("/__sandbox/stores/s-2", json={"enabled": False, "listing": {"rating": 4.5}}).get_json()
    assert (changed["enabled"], changed["listing"]["rating"], changed["deliveryAllowed"]) == (False, 4.5, True)
    check_problem(client.patch("/__sandbox/stores/s-2", json={"listing": {"rating": 6}}), 422, "VALIDATION_FAILED")
    check_problem(client.patch("/__sandbox/stores/s-3", json={}), 404, "STORE_NOT_FOUND")
    assert len(client.get("/__sandbox/stores").get_json()["stores"]) == 2
    assert client.post("/__sandbox/reset").status_code == 204
    assert client.get("/__sandbox/stores").get_json() == {"stores": []}


def test_ids_differ_after_a_reset(consumer: Consumer) -> None:
    def ids() -> list[str]:
        problem = consumer.call("GET", "stores/x").get_json()
        return [problem["requestId"], problem["traceId"], consumer.session()["sessionId"]]

    before = ids()
    consumer.client.post("/__sandbox/reset")
    consumer.headers = dict(KEY)
    assert not set(before) & set(ids())


def test_long_body_stays_out_of_the_log(consumer: Consumer, context: SandboxContext) -> None:
    consumer.call("POST", "orders/validate", {"x": "y" * 100_000})
    (entry,) = context.log.after(0)
    assert entry["request"]["body"] == "(100009 bytes, not shown)"


def test_large_body_is_refused(consumer: Consumer, context: SandboxContext) -> None:
    large = {"x": "y" * 1024 * 1024}
    for path in ("orders/validate", "session/create", "stores/x"):
        consumer.headers = dict(KEY)
        check_problem(consumer.call("POST" if path != "stores/x" else "GET", path, large), 413, "INVALID_REQUEST")
    assert [entry["response"]["status"] for entry in context.log.after(0)] == [413, 413, 413]
    consumer.headers = {}
    check_problem(consumer.call("POST", "orders/validate", large), 401, "UNAUTHENTICATED")
    with serve(create_app(context)) as url:
        for body in (b" " * 3_000_000, iter([b" " * 1_000_000] * 3)):
            answer = requests.post(f"{url}/v1/marketplace/orders/validate", data=body, headers=KEY, timeout=PATIENCE)
            assert (answer.status_code, answer.json()["errorCode"]) == (413, "INVALID_REQUEST")


def test_saved_state_can_be_loaded_into_another_sandbox(
    consumer: Consumer, partner: FakePartner, context: SandboxContext
) -> None:
    consumer.session(email="a@b.co", firstName="A", lastName="B", phone="+15551234567")
    consumer.validate()
    consumer.place()
    saved = consumer.client.get("/__sandbox/state").get_json()
    other = SandboxContext("key-1", seed="another")
    try:
        other_client = create_app(other).test_client()
        assert other_client.put("/__sandbox/state", json=saved).status_code == 200
        assert other_client.get("/__sandbox/state").get_json() == saved
        me = other_client.get("/v1/marketplace/session/me", headers=consumer.headers)
        assert me.get_json() == consumer.call("GET", "session/me").get_json()
        assert other.random.uuid("order") == context.random.uuid("order")
        check_problem(other_client.put("/__sandbox/state", json={"now": 1}), 422, "VALIDATION_FAILED")
        assert len(other.state.orders) == 1
    finally:
        other.close()


def test_unexpected_error_is_a_problem(client: FlaskClient, context: SandboxContext, caplog: Any) -> None:
    context.state.orders = None  # type: ignore[assignment]
    response = client.get("/__sandbox/orders/x")
    assert "Traceback" not in response.text
    check_problem(response, 500, "INTERNAL_ERROR")


def test_fixture_serves_a_sandbox(gett_sandbox: GettSandbox) -> None:
    partner = FakePartner()
    with serve(partner.app) as url:
        store = gett_sandbox.add_store("main", webhooks=f"{url}/hooks", catalog=CATALOG)
        placed = gett_sandbox.place(gett_sandbox.order(store, [{"itemId": "m", "quantity": 1}]))
    assert placed["partnerOrderId"] == "p-7"
    update = gett_sandbox.call("POST", f"/v1/commerce/orders/{placed['gettOrderId']}/status", {"status": "confirmed"})
    assert update.status_code == 202
    assert gett_sandbox.call("GET", "/v1/commerce/stores").json()[0]["storeId"] == store


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    port = free_port()
    with Process(cli("--port", str(port)), env={"GETT_API_KEY": "key-2"}) as sandbox:
        url = f"http://127.0.0.1:{port}"
        sandbox.wait_http(f"{url}/__sandbox/clock")
        yield url, tmp_path


def cli(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "webhook_kit.cli", "sandbox", *arguments]


def run(url: str, *arguments: str) -> tuple[int | None, str]:
    with Process(cli(*arguments), env={"SANDBOX_URL": url}) as process:
        return process.wait(), process.output()


def test_command_takes_the_newest_of_several_keys() -> None:
    port = free_port()
    with Process(cli("--port", str(port)), env={"GETT_API_KEY": "key-2, key-1"}) as sandbox:
        url = f"http://127.0.0.1:{port}"
        sandbox.wait_http(f"{url}/__sandbox/clock")
        for key, status in (("key-2", 200), ("key-1", 401)):
            headers = {"Authorization": f"Bearer {key}"}
            assert requests.get(f"{url}/v1/commerce/stores", headers=headers, timeout=30).status_code == status


def test_command_changes_a_running_sandbox(running: tuple[str, Path]) -> None:
    url, folder = running
    assert run(url, "store", "main", "--id", "s-1", "--name", "Main") == (0, "store main has the Gett id s-1\n")
    code, output = run(url, "clock", "--now", "2027-01-01T00:00:00Z", "--speed", "0")
    assert (code, output) == (0, "2027-01-01T00:00:00+00:00, 0 seconds per real second\n")
    assert "nullCustomer" in run(url, "options", "nullCustomer=true", "placedAmounts=tip")[1]
    assert requests.get(f"{url}/__sandbox/options", timeout=PATIENCE).json()["placedAmounts"] == "tip"
    assert run(url, "fault", "status", "--status", "503", "--call", "stores", "--times", "1")[0] == 0
    headers = {"Authorization": "Bearer key-2"}
    assert requests.get(f"{url}/v1/commerce/stores", headers=headers, timeout=PATIENCE).status_code == 503
    assert run(url, "credentials", "--secret", "whsec_new")[1].startswith("changed: secret;")
    assert run(url, "faults") == (0, "no faults\n")
    assert run(url, "faults", "--json") == (0, "[]\n")
    assert json.loads(run(url, "clock", "--json")[1]) == {"now": "2027-01-01T00:00:00+00:00", "speed": 0}
    assert json.loads(run(url, "options", "--json")[1])["nullCustomer"] is True
    assert run(url, "log")[1].endswith(" ← api_call stores 503\n")
    file = folder / "state.json"
    assert run(url, "save", str(file)) == (0, f"saved to {file}\n")
    assert run(url, "reset") == (0, "")
    assert run(url, "load", str(file))[0] == 0
    stores = requests.get(f"{url}/v1/commerce/stores", headers=headers, timeout=PATIENCE).json()
    assert [store["storeId"] for store in stores] == ["s-1"]


def test_command_reports_an_error_in_one_line(running: tuple[str, Path]) -> None:
    url, folder = running
    code, output = run(url, "options", "nullCustomer=7")
    assert (code, output) == (1, "webhook-kit: $.nullCustomer: Input should be a valid boolean\n")
    assert run(url, "fault", "nonsense")[0] == 1
    file = folder / "other.json"
    file.write_text("{}")
    code, output = run(url, "load", str(file))
    assert code == 1
    assert output.startswith(f"webhook-kit: {file} is not a saved sandbox: ")
    assert output.count("\n") == 1
    code, output = run(f"http://127.0.0.1:{free_port()}", "clock")
    assert (code, "no sandbox at" in output, output.count("\n")) == (1, True, 1)


@pytest.mark.parametrize("command", [["--port", "0", "--api-key", "k", "--state"], ["load"]])
def test_a_state_that_is_no_regular_file_is_one_line(command: list[str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code, output = run("http://127.0.0.1:1", *command, str(pipe))
    assert (code, output) == (1, f"webhook-kit: {pipe} is not a regular file\n")


def test_same_seed_and_calls_give_the_same_responses() -> None:
    def responses(seed: str) -> list[Any]:
        context = SandboxContext("key-1", seed=seed, clock=Clock(now=NOON, speed=0))
        consumer = Consumer(create_app(context).test_client(), context)
        consumer.client.put(f"/__sandbox/stores/{STORE}", json={"partnerStoreId": "main", "name": "Main"})
        consumer.client.post("/__sandbox/faults", json={"kind": "status", "status": 503, "probability": 0.5})
        session = consumer.client.post("/v1/marketplace/session/create", headers={"Authorization": "Bearer key-1"})
        return [session.get_json(), *(consumer.call("GET", f"stores/{STORE}").get_json() for _ in range(20))]

    assert responses("a") == responses("a") != responses("b")


def test_command_takes_further_names() -> None:
    port = free_port()
    with Process(cli("--port", str(port), "--host", "gett"), env={"GETT_API_KEY": "key-2"}) as sandbox:
        url = f"http://127.0.0.1:{port}"
        sandbox.wait_http(f"{url}/__sandbox/clock")
        for host, status in (("gett", 204), ("other", 403)):
            reset = requests.post(f"{url}/__sandbox/reset", headers={"Host": host}, timeout=PATIENCE)
            assert reset.status_code == status
