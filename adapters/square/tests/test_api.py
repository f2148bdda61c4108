"""The SDK on the kit's session: requests, responses and errors."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import requests

from webhook_kit_square.api import KitTransport, SquareError, connect, square_errors


class FixedResponse(requests.Session):
    """A session that sends nothing and returns one response, with its body as requests has decoded it."""

    def __init__(self, status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"{}") -> None:
        super().__init__()
        self.response = requests.Response()
        self.response.status_code = status
        self.response.headers.update(headers or {})
        self.response._content = body
        self.sent: list[dict[str, Any]] = []

    def request(self, method: Any, url: Any, *_: Any, **more: Any) -> requests.Response:
        self.sent.append({"method": method, "url": url, **more})
        return self.response


def client(session: FixedResponse) -> httpx.Client:
    return httpx.Client(transport=KitTransport(lambda: session))


def test_a_request_is_sent_unchanged_and_no_redirect_is_followed() -> None:
    session = FixedResponse()
    client(session).post("https://square.example/v2/orders?a=b", json={"a": "ü"}, headers={"Authorization": "Bearer x"})
    (request,) = session.sent
    assert (request["method"], request["url"]) == ("POST", "https://square.example/v2/orders?a=b")
    assert (request["data"].decode(), request["allow_redirects"]) == ('{"a":"ü"}', False)
    assert request["headers"]["authorization"] == "Bearer x"
    assert {"host", "content-length"} & set(request["headers"]) == set()


def test_a_compressed_body_is_not_decompressed_twice() -> None:
    session = FixedResponse(headers={"Content-Encoding": "gzip", "Content-Length": "9999"}, body=b'{"plain": 1}')
    assert client(session).get("https://square.example/").json() == {"plain": 1}


def test_a_cookie_of_one_seller_is_not_sent_for_another() -> None:
    session = FixedResponse(headers={"Set-Cookie": "seller=one; Path=/"})
    with client(session) as shared:
        for _ in range(2):
            shared.get("https://square.example/")
    assert "cookie" not in session.sent[1]["headers"]


@pytest.mark.parametrize(
    ("status", "body", "refused"),
    [
        (400, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "BAD_REQUEST"}]}', True),
        (404, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "NOT_FOUND"}]}', True),
        (400, b"<html>Bad Request of a proxy</html>", False),
        (408, b'{"errors": [{"category": "API_ERROR", "code": "REQUEST_TIMEOUT"}]}', False),
        (409, b'{"errors": [{"category": "INVALID_REQUEST_ERROR", "code": "CONFLICT"}]}', False),
        (401, b'{"errors": [{"category": "AUTHENTICATION_ERROR", "code": "UNAUTHORIZED"}]}', False),
        (500, b'{"errors": [{"category": "API_ERROR", "code": "INTERNAL_SERVER_ERROR"}]}', False),
        (200, b"<html>OK</html>", False),
    ],
)
def test_only_errors_in_squares_format_are_final(status: int, body: bytes, refused: bool) -> None:
    session = FixedResponse(status, body=body)
    with pytest.raises(SquareError) as error, square_errors("locations.get"):
        connect("token", "sandbox", None, client(session)).locations.get("L", request_options={"max_retries": 0})
    assert error.value.refused is refused
