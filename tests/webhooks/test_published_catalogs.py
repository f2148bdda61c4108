"""Downloads of published catalogs."""

from __future__ import annotations

import gzip
import json
import threading
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
from webhook_kit.webhooks import published_catalogs

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
    notified: list[str] = []
    kit.publisher.publish("main", CATALOG, notified.append)
    (url,) = notified
    return url.removeprefix(BASE)


def test_catalog_is_served_compressed(client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=GZIP)
    assert (response.status_code, response.mimetype) == (200, "application/json")
    assert response.headers["Content-Encoding"] == "gzip"
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert ExternalCatalogSet.from_json(gzip.decompress(response.data)) == CATALOG


@pytest.mark.parametrize("headers", [{}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": "br, gzip;q=0"}])
def test_client_without_gzip_gets_the_uncompressed_catalog(
    headers: dict[str, str], client: FlaskClient, path: str
) -> None:
    response = client.get(path, headers=headers)
    assert "Content-Encoding" not in response.headers
    assert response.json is not None
    assert response.json["catalogSetId"] == CATALOG.catalog_set_id


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_response_is_cacheable_and_conditional(headers: dict[str, str], client: FlaskClient, path: str) -> None:
    response = client.get(path, headers=headers)
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Vary"] == "Accept-Encoding"
    tag = response.headers["ETag"]
    for known_tags in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, headers={**headers, "If-None-Match": known_tags})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert "Content-Encoding" not in again.headers
    assert client.get(path, headers={**headers, "If-None-Match": '"other"'}).status_code == 200


def test_each_encoding_has_its_own_etag(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["ETag"] != client.get(path, headers=GZIP).headers["ETag"]


@pytest.mark.parametrize("headers", [{}, GZIP])
def test_head_has_the_headers_of_get_and_no_body(headers: dict[str, str], client: FlaskClient, path: str) -> None:
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
def test_wrong_path_is_not_found(wrong: Callable[[str, str], str], client: FlaskClient, path: str) -> None:
    _, _, token, name = path.split("/")
    response = client.get(wrong(token, name.removesuffix(".json")))
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")


def test_deleted_version_is_not_found(kit: Kit, client: FlaskClient, path: str) -> None:
    kit.redis.delete(kit.keys.catalog_set(CATALOG.catalog_set_id or ""))
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("headers", [GZIP, {}])
@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b'{"catalogSetId":"another"}'), gzip.compress(b"{}" * 99)[:-9]],
    ids=["no gzip", "another version", "cut off"],
)
def test_damaged_version_is_unavailable_raises_an_alert_and_is_repaired(
    body: bytes, headers: dict[str, str], kit: Kit, client: FlaskClient, path: str
) -> None:
    version = CATALOG.catalog_set_id or ""
    kit.redis.set(kit.keys.catalog_set(version), body, keepttl=True)
    response = client.get(path, headers=headers)
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    (incident,) = kit.placement_store.incidents()
    assert (incident["kind"], incident["store"]) == ("catalog_damaged", "main")
    assert f"the published catalog {version} " in incident["why"]
    assert "run `webhook-kit catalog publish main`" in incident["why"]
    kit.publisher.publish("main", CATALOG, lambda _: None, force=True)
    assert client.get(path, headers=headers).status_code == 200
    assert kit.redis.ttl(kit.keys.catalog_set(version)) == -1


def test_post_is_not_found_and_changes_nothing(client: FlaskClient, path: str) -> None:
    assert client.post(path).status_code == 404
    assert client.get(path).status_code == 200


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def test_served_version_is_served_from_memory_while_redis_is_down(
    own_redis: RedisServer, make_kit: Callable[..., Kit], events: list[MutableMapping[str, Any]]
) -> None:
    kit = make_kit(redis_url=own_redis.url, public_url=BASE)
    path, with_copy, without_copy = published(kit), create_app(kit).test_client(), create_app(kit).test_client()
    assert with_copy.get(path).status_code == 200
    own_redis.stop()
    assert with_copy.get(path).status_code == 200
    response = without_copy.get(path)
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert int(response.headers["Retry-After"]) > 0
    assert json.loads(response.data)["retryable"] is True
    own_redis.start()
    kit.publisher.publish("main", CATALOG, lambda _: None, force=True)
    assert without_copy.get(path).status_code == 200


def test_storage_that_blocks_is_not_waited_for(
    kit: Kit, path: str, monkeypatch: pytest.MonkeyPatch, events: list[MutableMapping[str, Any]]
) -> None:
    released = threading.Event()
    monkeypatch.setattr(published_catalogs, "_LOAD_SECONDS", 0.1)
    monkeypatch.setattr(kit.publisher, "get", lambda _: released.wait())
    client = create_app(kit).test_client()
    assert [client.get(path).status_code for _ in range(20)] == [503] * 20
    assert client.get("/healthz").status_code == 200
    released.set()
