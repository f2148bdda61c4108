"""The API: read models and actions as JSON, for tokens and for sessions."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from tests.console.api.conftest import ApiClient
from tests.console.console_client import ConsoleClient
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role
from webhook_kit.operations.audit import list_audit

PROBLEM = "application/problem+json"


def test_an_order_and_its_timeline(api: ApiClient, ref: str) -> None:
    (listed,) = api.get("/orders", size=10).json["orders"]
    assert listed["ref"] == ref
    found = api.get("/order", name=ref)
    assert (found.status_code, found.json["state"], found.json["accepted"]) == (200, "placed", "2.75")
    assert found.json["created"].endswith("Z")
    events = [entry["event"] for entry in api.get("/order/timeline", ref=ref).json]
    assert "placed" in events
    assert "Ada" not in found.text + api.get("/order/timeline", ref=ref).text


def test_a_store_is_shown_without_its_credentials(api: ApiClient) -> None:
    answer = api.get("/store", store_id="main")
    assert set(answer.json["store"]) == {"id", "gett_id", "adapter", "name"}
    assert "pos.sqlite" not in answer.text


def test_an_action_is_recorded_with_the_tokens_name(api: ApiClient) -> None:
    answer = api.post("pause_store", store_id="main", reason="other", why="a test")
    assert (answer.status_code, answer.json) == (200, {"result": None}), answer.text
    (entry,) = list_audit(api.kit).entries
    assert (entry.who, entry.via, entry.action, entry.subject, entry.why) == (
        *("operator", "api", "pause_store", "main", "a test"),
    )
    assert api.get("/store", store_id="main").json["pause_owner"] == "person"


def test_a_viewer_reads_and_changes_nothing(api: ApiClient, kit: Kit) -> None:
    viewer = ApiClient(kit, Role.VIEWER)
    assert viewer.get("/health").status_code == 200
    answer = viewer.post("pause_store", store_id="main", reason="other")
    assert (answer.status_code, answer.content_type) == (403, PROBLEM)
    assert viewer.get("/store", store_id="main").json["pause_owner"] is None
    assert [entry.who for entry in list_audit(kit).entries] == ["viewer"]


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer x", "Basic am86eA==", "Bearer wkc_" + "a" * 43, "Bearer é", "bearer  "]
)
def test_without_a_valid_token_there_is_nothing(api: ApiClient, authorization: str) -> None:
    for path in ("v1/health", "v1/no-such-thing", "openapi.json"):
        answer = api.http.get(f"/console/api/{path}", headers={"Authorization": authorization})
        assert (answer.status_code, answer.content_type) == (401, PROBLEM)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert (
        api.http.post("/console/api/v1/actions/retry_now", json={}, headers={"Authorization": "x"}).status_code == 401
    )


def test_a_token_in_an_address_or_for_a_page_is_of_no_use(api: ApiClient) -> None:
    for name in ("token", "access_token", "Authorization"):
        assert api.http.get(f"/console/api/v1/health?{name}={api.token}").status_code == 401
    assert api.http.get("/console/", headers=api.authorization).status_code == 303


def test_a_page_may_call_the_api_with_its_session_and_its_form_token(kit: Kit) -> None:
    console = ConsoleClient(kit)
    console.log_in()
    assert console.get("/api/v1/health").status_code == 200
    path, body = "/console/api/v1/actions/pause_store", {"store_id": "main", "reason": "other"}
    origin = {"Origin": "http://localhost"}
    assert console.http.post(path, json=body, headers=origin).status_code == 403
    assert console.http.post(path, json=body, headers={"X-CSRF-Token": console.form_token()}).status_code == 403
    answer = console.http.post(path, json=body, headers=origin | {"X-CSRF-Token": console.form_token()})
    assert answer.status_code == 200
    assert [entry.via for entry in list_audit(kit, action="pause_store").entries] == ["console"]


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/order", {"name": "no such order"}, 404),
        ("/order", {"name": "\ud800"}, 404),
        ("/order", {"name": "x" * 3_000}, 400),
        ("/order", {}, 400),
        ("/order", {"name": ["a", "b"]}, 400),
        ("/orders", {"size": 501}, 400),
        ("/orders", {"sice": 1}, 400),
        ("/orders", {"since": "2026-01-01T00:00:00"}, 400),
        ("/orders", {"since": "0001-01-01T00:00:00+14:00"}, 400),
        ("/orders", {"state": "eaten"}, 400),
        ("/waiting", {"limit": 0}, 400),
        ("/store", {"store_id": "nowhere"}, 404),
        ("/audit", {"cursor": "x"}, 400),
        ("/no-such-thing", {}, 404),
    ],
)
def test_a_wrong_call_is_explained(api: ApiClient, path: str, query: dict[str, Any], status: int) -> None:
    sent: dict[str, Any] = {
        n: v.encode("utf-8", "surrogatepass") if isinstance(v, str) else v for n, v in query.items()
    }
    answer = api.get(path, **sent)
    assert (answer.status_code, answer.content_type) == (status, PROBLEM), answer.text
    assert answer.json["status"] == status
    assert answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b'{"lane": "x", "lanes": 1}', "application/json", 400),
        (b'{"lane": "\\ud800"}', "application/json", 404),
        (b'{"lane": "order:nowhere"}', "application/json", 404),
        (b'{"lane": "order:nowhere"}', "text/plain", 415),
        (b'{"lane": "' + b"x" * 100_000 + b'"}', "application/json", 413),
    ],
)
def test_a_wrong_body_is_explained(api: ApiClient, body: bytes, content_type: str, status: int) -> None:
    path = "/console/api/v1/actions/retry_now"
    answer = api.http.post(path, data=body, content_type=content_type, headers=api.authorization)
    assert (answer.status_code, answer.content_type) == (status, PROBLEM), answer.text


def test_a_condition_that_is_misspelled_selects_nothing(api: ApiClient) -> None:
    assert api.post("discard_matching", condition={"store": "main"}).status_code == 400
    assert api.post("discard_matching").status_code == 400
    answer = api.post("discard_matching", condition={"store_id": "main"})
    assert (answer.status_code, answer.json["result"]["condition"]["store_id"]) == (200, "main")


def test_an_unchanged_answer_is_not_sent_again(api: ApiClient) -> None:
    tag = api.get("/orders").headers["ETag"]
    again = api.get("/orders", {"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


def test_an_action_that_is_sent_again_is_done_once(api: ApiClient) -> None:
    key = {"Idempotency-Key": "k1"}
    first = api.post("replay_matching", key, condition={})
    again = api.post("replay_matching", key, condition={})
    assert (first.json, first.headers.get("Idempotent-Replayed")) == (again.json, None)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(api.get("/dead-letters/jobs").json) == 1
    assert api.post("replay_matching", key, condition={"status": 500}).status_code == 400
    assert api.post("replay_matching", condition={}).json != first.json


def test_redis_out_of_reach_is_a_problem_document(api: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(api.kit.redis.connection_pool, "get_connection", refuse)
    answer = api.get("/orders")
    assert (answer.status_code, answer.content_type) == (503, PROBLEM)
    assert "Redis cannot be reached" in answer.json["detail"]
