"""The proxy loses exactly the exchange that a test names."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
import requests
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.testing.contract.http_pos import FakePos
from webhook_kit.testing.lossy_proxy import Loss, LossyHttpProxy, LossyProxy
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.redis_server import RedisServer


@pytest.fixture
def pos() -> Iterator[FakePos]:
    with FakePos() as pos:
        yield pos


@pytest.fixture
def proxy(pos: FakePos) -> Iterator[LossyHttpProxy]:
    with LossyHttpProxy(pos.url) as proxy:
        yield proxy


def post(session: requests.Session, proxy: LossyHttpProxy, ref: str) -> str:
    response = session.post(f"{proxy.url}/orders", json={"ref": ref}, timeout=PATIENCE)
    return str(response.json()["id"])


def test_requests_and_replies_pass_over_one_connection(pos: FakePos, proxy: LossyHttpProxy) -> None:
    with requests.Session() as session:
        assert [post(session, proxy, ref) for ref in ("a", "b")] == ["1", "2"]
        assert session.get(f"{proxy.url}/orders/b", timeout=PATIENCE).json() == {"id": "2"}
    assert pos.orders == ["a", "b"]


@pytest.mark.parametrize(("loss", "reached"), [(Loss.REQUEST, ["a", "c"]), (Loss.REPLY, ["a", "b", "c"])])
def test_a_loss_affects_one_matching_exchange(
    loss: Loss, reached: list[str], pos: FakePos, proxy: LossyHttpProxy
) -> None:
    with requests.Session() as session:
        post(session, proxy, "a")  # so that the loss affects a connection that is in use
        with proxy.lose_next(loss, "POST /api/orders"):
            session.get(f"{proxy.url}/orders/a", timeout=PATIENCE)  # does not match
            assert not proxy.triggered.is_set()
            with pytest.raises(requests.exceptions.ConnectionError):
                post(session, proxy, "b")
            assert proxy.triggered.is_set()
            post(session, proxy, "c")
    assert pos.orders == reached


def test_a_timeout_holds_the_reply_back(pos: FakePos, proxy: LossyHttpProxy) -> None:
    with requests.Session() as session, proxy.lose_next(Loss.TIMEOUT, "POST "):
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.post(f"{proxy.url}/orders", json={"ref": "a"}, timeout=0.3)
        wait_until(lambda: pos.orders == ["a"], message="the request to arrive")


def test_a_rule_without_once_affects_every_matching_exchange(pos: FakePos, proxy: LossyHttpProxy) -> None:
    with requests.Session() as session:
        with proxy.lose(Loss.REPLY, lambda request: request.startswith(b"POST "), once=False):
            for ref in ("a", "b"):
                with pytest.raises(requests.exceptions.ConnectionError):
                    post(session, proxy, ref)
        post(session, proxy, "c")
    assert pos.orders == ["a", "b", "c"]


def test_a_passed_reply_leaves_the_rule_for_the_next_request(redis_server: RedisServer) -> None:
    with (
        LossyProxy("127.0.0.1", redis_server.port) as proxy,
        redis.Redis(port=proxy.port, retry=Retry(NoBackoff(), 0)) as client,
        proxy.lose(Loss.REPLY, lambda request: b"ECHO" in request, passes=lambda reply: b"again" in reply),
    ):
        assert client.echo("again") == b"again"
        assert not proxy.triggered.is_set()
        with pytest.raises(redis.ConnectionError):
            client.echo("lost")
        assert proxy.triggered.is_set()
        assert client.echo("after") == b"after"


def test_down_refuses_connections_and_closes_open_ones(pos: FakePos, proxy: LossyHttpProxy) -> None:
    with requests.Session() as session:
        post(session, proxy, "a")
        with proxy.down(), pytest.raises(requests.exceptions.ConnectionError, match="refused"):
            post(session, proxy, "b")
        post(session, proxy, "c")
    assert pos.orders == ["a", "c"]


def test_a_target_without_plain_http_is_rejected() -> None:
    with pytest.raises(ValueError, match="plain HTTP only"):
        LossyHttpProxy("https://pos.example")


@pytest.mark.parametrize(
    ("loss", "status", "reached"),
    [(Loss.ERROR, 500, ["a"]), (Loss.BAD_GATEWAY, 502, ["a"]), (Loss.GATEWAY_TIMEOUT, 504, ["a", "b", "b"])],
)
def test_replies_take_the_place_of_the_servers(
    loss: Loss, status: int, reached: list[str], pos: FakePos, proxy: LossyHttpProxy
) -> None:
    with requests.Session() as session, proxy.lose_all(loss, after=1):
        post(session, proxy, "a")
        assert not proxy.triggered.is_set()
        for _ in range(2):
            response = session.post(f"{proxy.url}/orders", json={"ref": "b"}, timeout=PATIENCE)
            assert response.status_code == status
        assert proxy.triggered.is_set()
    assert pos.orders == reached
