"""Published catalogs in a bucket of moto, a local server with the API of S3."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from tests.tcp_server import FakeServer, Serve, trickling
from webhook_kit.app import create_app
from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.publishing import s3_storage
from webhook_kit.publishing.storage import StorageUnavailable
from webhook_kit.publishing.sync import SyncOutcome
from webhook_kit.testing.processes import PATIENCE

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def s3(endpoint: str) -> S3Client:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="catalogs")
    for stored in client.list_objects_v2(Bucket="catalogs").get("Contents", []):
        client.delete_object(Bucket="catalogs", Key=stored["Key"])
    return client


@pytest.fixture
def kit(make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> Kit:
    return make_kit(catalog_bucket="catalogs", catalog_bucket_endpoint=endpoint)


def catalog_of(*items: str) -> ExternalCatalogSet:
    food = [ExternalItem(item_id=item, name=item, base_price=Decimal("9.50")) for item in items]
    return versioned(simple_catalog({"Food": food}), "gett-1")


def publish(kit: Kit, catalog: ExternalCatalogSet) -> str:
    notified: list[str] = []
    kit.publisher.publish("main", catalog, notified.append)
    (url,) = notified
    return url


def download(url: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=PATIENCE)


def stored_names(s3: S3Client) -> set[str]:
    return {stored["Key"].rsplit("/")[-1] for stored in s3.list_objects_v2(Bucket="catalogs").get("Contents", [])}


def test_bucket_serves_a_version_at_a_signed_url(kit: Kit, s3: S3Client) -> None:
    catalog = catalog_of("soup")
    response = download(publish(kit, catalog))
    assert response.status_code == 200
    assert ExternalCatalogSet.from_json(response.content) == catalog, "requests has decompressed it"
    assert (response.headers["Content-Encoding"], response.headers["Content-Type"]) == ("gzip", "application/json")
    assert "immutable" in response.headers["Cache-Control"]


def test_url_of_a_public_bucket_is_not_signed(make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> None:
    options = {"catalog_bucket_endpoint": endpoint, "catalog_bucket_url": "https://cdn.example.org/catalogs/"}
    url = publish(make_kit(catalog_bucket="catalogs", **options), catalog_of("soup"))
    assert url.startswith("https://cdn.example.org/catalogs/catalogs/")
    (stored,) = s3.list_objects_v2(Bucket="catalogs")["Contents"]
    assert url.endswith(stored["Key"])


def test_kit_serves_versions_of_the_bucket_too(kit: Kit) -> None:
    catalog = catalog_of("soup")
    publish(kit, catalog)
    path = f"/{kit.catalog_urls.path(catalog.catalog_set_id or '')}"
    response = create_app(kit).test_client().get(path, headers={"Accept-Encoding": "gzip"})
    assert ExternalCatalogSet.from_json(gzip.decompress(response.data)) == catalog
    missing = f"/{kit.catalog_urls.path(catalog_of('cake').catalog_set_id or '')}"
    assert create_app(kit).test_client().get(missing).status_code == 404


def test_superseded_version_is_deleted_after_its_retention(kit: Kit, s3: S3Client) -> None:
    first, second, third = catalog_of("soup"), catalog_of("cake"), catalog_of("tea")
    publish(kit, first)
    publish(kit, second)
    assert len(stored_names(s3)) == 2
    kit.redis.zadd(kit.keys.superseded("main"), {first.catalog_set_id or "": 1})  # long ago
    publish(kit, third)
    assert stored_names(s3) == {f"{catalog.catalog_set_id}.json" for catalog in (second, third)}


def test_missing_bucket_is_reported_and_changes_nothing(
    make_kit: Callable[..., Kit], endpoint: str, events: list[Any]
) -> None:
    kit = make_kit(catalog_bucket="elsewhere", catalog_bucket_endpoint=endpoint)
    with pytest.raises(StorageUnavailable, match="elsewhere"):
        publish(kit, catalog_of("soup"))
    (store,) = kit.stores
    report = kit.catalog_sync.sync(store)
    assert (report.outcome, "CATALOG_BUCKET elsewhere" in report.reasons[0]) == (SyncOutcome.FAILED, True)
    assert kit.publisher.current("main") is None
    assert kit.lanes.all_waiting() == {}
    response = create_app(kit).test_client().get(f"/{kit.catalog_urls.path('0' * 36)}")
    assert response.status_code == 503


def test_version_that_cannot_be_deleted_does_not_stop_a_publication(
    kit: Kit, s3: S3Client, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    publish(kit, catalog_of("soup"))
    publish(kit, catalog_of("cake"))
    kit.redis.zadd(kit.keys.superseded("main"), {catalog_of("soup").catalog_set_id or "": 1})

    def fail(version: str) -> None:
        raise StorageUnavailable(version)

    with monkeypatch.context() as patched:
        patched.setattr(kit.catalog_storage, "delete", fail)
        publish(kit, catalog_of("tea"))
    assert len(stored_names(s3)) == 3
    publish(kit, catalog_of("pie"))
    assert len(stored_names(s3)) == 3, "it is deleted by the next publication"


def test_missing_boto3_is_a_configuration_error(make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"webhook-kit\[s3\]"):
        make_kit(catalog_bucket="catalogs").catalog_storage  # noqa: B018 - created on first access


def test_invalid_endpoint_is_a_configuration_error(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match="CATALOG_BUCKET"):
        make_kit(catalog_bucket="catalogs", catalog_bucket_endpoint="http://").catalog_storage  # noqa: B018 - as above


@pytest.mark.parametrize("operation", ["get", "put", "delete"])
@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"], ids=["head", "body"])
def test_slow_bucket_is_unavailable_at_the_deadline(
    operation: str,
    begin: bytes,
    make_kit: Callable[..., Kit],
    start_server: Callable[[Serve], FakeServer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(s3_storage, "_SECONDS", 0.5)
    url = start_server(trickling(begin)).url
    storage = make_kit(catalog_bucket="catalogs", catalog_bucket_endpoint=url).catalog_storage
    calls: dict[str, Callable[[], object]] = {
        "get": lambda: storage.get("v1"),
        "put": lambda: storage.put("v1", b"{}", 60),
        "delete": lambda: storage.delete("v1"),
    }
    started = time.monotonic()
    with pytest.raises(StorageUnavailable):
        calls[operation]()
    assert time.monotonic() - started < PATIENCE
