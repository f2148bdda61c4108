"""What Gett gets when it pulls a menu."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, MutableMapping
from decimal import Decimal
from typing import Any

import pytest
from flask.testing import FlaskClient

from webhook_kit.app import create_app
from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.testing.redis_server import RedisServer

GZIP = {"Accept-Encoding": "gzip, deflate"}
BASE = "https://pos.example.org/kit"
CATALOG = versioned(
    simple_catalog({"Food": [ExternalItem(item_id="soup", name="Soup", base_price=Decimal("9.50"))]}), "gett-1"
)


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(public_url=f"{BASE}/")


@pytest.fixture
def client(kit: Kit) -> FlaskClient:
    return create_app(kit).test_client()


@pytest.fixture
def path(kit: Kit) -> str:
    return published(kit)


def published(kit: Kit) -> str:
    told: list[str] = []
    kit.publisher.publish("main", CATALOG, told.append)
    (address,) = told
    return address.removeprefix(BASE)


def test_gett_gets_the_menu_compressed(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=GZIP)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert ExternalCatalogSet.from_json(gzip.decompress(response.data)) == CATALOG


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "br, gzip;q=0"}])
def test_who_takes_no_gzip_gets_plain_text(headers: dict[str, str], client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=headers)
    assert "Content-Encoding" not in response.headers
    assert response.json is not None
    assert response.json["catalogSetId"] == CATALOG.catalog_set_id


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_caches_may_keep_it_for_good(headers: dict[str, str], client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=headers)
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Vary"] == "Accept-Encoding"
    tag = response.headers["ETag"]
    for known in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, headers={**headers, "If-None-Match": known})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert "Content-Encoding" not in again.headers
    assert client.get(path, headers={**headers, "If-None-Match": '"other"'}).status_code == 200


def test_the_two_spellings_are_told_apart(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["ETag"] != client.get(path, headers=GZIP).headers["ETag"]


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_head_is_get_without_the_body(headers: dict[str, str], client: FlaskClient, path: str) -> None:
    head, get = client.head(path, headers=headers), client.get(path, headers=headers)
    assert head.data == b""
    assert dict(head.headers) == dict(get.headers)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda token, version: f"/catalogs/{'0' * 32}/{version}.json",
        lambda token, version: f"/catalogs/{token[:-1]}/{version}.json",
        lambda token, version: f"/catalogs/{token}/{version}",
        lambda token, version: f"/catalogs/{token}/{version[:-1]}0.json",
        lambda token, version: f"/catalogs/{version}.json",
        lambda token, version: "/catalogs/",
        lambda token, version: "/catalogs/%ff%00/%ed%a0%80.json",
        lambda token, version: f"/catalogs/{token}/{version}.json/more",
    ],
)
def test_what_was_not_handed_out_is_not_found(wrong: Callable[[str, str], str], client: FlaskClient, path: str) -> None:
    _, _, token, name = path.split("/")
    response = client.get(wrong(token, name.removesuffix(".json")))
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_a_version_that_is_no_longer_kept_is_not_found(kit: Kit, client: FlaskClient, path: str) -> None:
    kit.redis.delete(kit.keys.catalog_set(CATALOG.catalog_set_id or ""))
    assert client.get(path).status_code == 404


def test_nothing_is_written_there(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 404
    assert client.get(path).status_code == 200


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_a_process_serves_from_memory_what_it_has_served_before(
    own_redis: RedisServer, make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_kit(redis_url=own_redis.url, public_url=BASE)
    path, warm, cold = published(kit), create_app(kit).test_client(), create_app(kit).test_client()
    assert warm.get(path).status_code == 200
    own_redis.stop()
    assert warm.get(path).status_code == 200
    refused = cold.get(path)
    assert (refused.status_code, refused.mimetype) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    assert json.loads(refused.data)["retryable"] is True
    own_redis.start()
    kit.publisher.publish("main", CATALOG, lambda _: None, force=True)
    assert cold.get(path).status_code == 200
