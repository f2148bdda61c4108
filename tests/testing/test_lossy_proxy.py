"""The proxy that loses what a test wants lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.testing.contract.http_pos import FakePos
from webhook_kit.testing.lossy_proxy import Loss, LossyProxy
from webhook_kit.testing.processes import PATIENCE, wait_until


@pytest.fixture
def pos() -> Iterator[FakePos]:
    with FakePos() as pos:
        yield pos


@pytest.fixture
def proxy(pos: FakePos) -> Iterator[LossyProxy]:
    with LossyProxy(pos.url) as proxy:
        yield proxy


def post(session: requests.Session, proxy: LossyProxy, ref: str) -> str:
    answer = session.post(f"{proxy.url}/orders", json={"ref": ref}, timeout=PATIENCE)
    return str(answer.json()["id"])


def test_it_passes_everything_on_over_one_connection(pos: FakePos, proxy: LossyProxy) -> None:
    with requests.Session() as session:
        assert [post(session, proxy, ref) for ref in ("a", "b")] == ["1", "2"]
        assert session.get(f"{proxy.url}/orders/b", timeout=PATIENCE).json() == {"id": "2"}
    assert pos.orders == ["a", "b"]


@pytest.mark.parametrize(("loss", "reached"), [(Loss.REQUEST, ["a", "c"]), (Loss.REPLY, ["a", "b", "c"])])
def test_one_exchange_is_lost_and_the_next_is_not(
    loss: Loss, reached: list[str], pos: FakePos, proxy: LossyProxy
) -> None:
    with requests.Session() as session:
        post(session, proxy, "a")  # so that the loss meets a connection that is in use
        with proxy.losing(loss, "POST /api/orders"):
            session.get(f"{proxy.url}/orders/a", timeout=PATIENCE)  # not what is to be lost
            assert not proxy.struck.is_set()
            with pytest.raises(requests.exceptions.ConnectionError):
                post(session, proxy, "b")
            assert proxy.struck.is_set()
            post(session, proxy, "c")
    assert pos.orders == reached


def test_a_reply_that_is_held_does_not_come(pos: FakePos, proxy: LossyProxy) -> None:
    with requests.Session() as session, proxy.losing(Loss.TIME, "POST "):
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.post(f"{proxy.url}/orders", json={"ref": "a"}, timeout=0.3)
        wait_until(lambda: pos.orders == ["a"], message="the request to arrive")


def test_down_is_down_for_open_connections_too_and_over_again(pos: FakePos, proxy: LossyProxy) -> None:
    with requests.Session() as session:
        post(session, proxy, "a")
        with proxy.down(), pytest.raises(requests.exceptions.ConnectionError, match="refused"):
            post(session, proxy, "b")
        post(session, proxy, "c")
    assert pos.orders == ["a", "c"]


def test_it_speaks_plain_http_only() -> None:
    with pytest.raises(ValueError, match="plain HTTP only"):
        LossyProxy("https://pos.example")
