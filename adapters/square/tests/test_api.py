"""The SDK on the kit's session: what passes between the two, and what must not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from webhook_kit_square.api import KitTransport, SquareError, connect, plainly


class OneAnswer(requests.Session):
    """A session that sends nothing and gives one answer, with its body as requests has decoded it."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}") -> None:
        super().__init__()
        self.answer = requests.Response()
        self.answer.status_code = status
        self.answer.headers.update(headers or {})
        self.answer._content = body
        self.asked: list[dict[str, Any]] = []

    def request(self, method: Any, url: Any, *_: Any, **more: Any) -> requests.Response:
        self.asked.append({"method": method, "url": url, **more})
        return self.answer


def client(session: OneAnswer) -> httpx.Client:
    return httpx.Client(transport=KitTransport(lambda: session))


def test_a_request_goes_through_the_session_as_it_is_and_follows_nothing() -> None:
    session = OneAnswer()
    client(session).post("https://square.example/v2/orders?a=b", json={"a": "ü"}, headers={"Authorization": "Bearer x"})
    (asked,) = session.asked
    assert (asked["method"], asked["url"]) == ("POST", "https://square.example/v2/orders?a=b")
    assert (asked["data"].decode(), asked["allow_redirects"]) == ('{"a":"ü"}', False)
    assert asked["headers"]["authorization"] == "Bearer x"
    assert {"host", "content-length"} & set(asked["headers"]) == set()


def test_a_body_that_came_compressed_is_not_decompressed_twice() -> None:
    session = OneAnswer(headers={"Content-Encoding": "gzip", "Content-Length": "9999"}, body=b'{"plain": 1}')
    assert client(session).get("https://square.example/").json() == {"plain": 1}


def test_a_cookie_of_one_seller_is_not_brought_to_another() -> None:
    session = OneAnswer(headers={"Set-Cookie": "seller=one; Path=/"})
    with client(session) as shared:
        for _ in range(2):
            shared.get("https://square.example/")
    assert "cookie" not in session.asked[1]["headers"]


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (400, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "BAD_REQUEST"}]}', True),
        (404, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "NOT_FOUND"}]}', True),
        (400, b"<html>Bad Request, says something on the way</html>", False),
        (408, b'{"errors": [{"category": "API_ERROR", "code": "REQUEST_TIMEOUT"}]}', False),
        (409, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "CONFLICT"}]}', False),
        (401, b'{"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}', False),
        (500, b'{"errors": [{"category": "API_ERROR", "code": "INTERNAL_SERVER_ERROR"}]}', False),
        (200, b"<html>All is well</html>", False),
    ],
)
def test_only_squares_own_words_are_its_final_ones(harbour: Any, status: int, body: bytes, refused: bool) -> None:
    session = OneAnswer(status, body=body)
    with pytest.raises(SquareError) as failure, plainly("locations.get"):
        connect(harbour, client(session)).locations.get("L", request_options={"max_retries": 0})
    assert failure.value.refused is refused
