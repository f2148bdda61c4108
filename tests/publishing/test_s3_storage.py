"""Published catalogs in a bucket of moto, a local server with the API of S3."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests
from pydantic import ValidationError

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


pytestmark = pytest.mark.usefixtures("credentials")


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


def stored_keys(s3: S3Client) -> list[str]:
    return [stored["Key"] for stored in s3.list_objects_v2(Bucket="catalogs").get("Contents", [])]


def stored_names(s3: S3Client) -> set[str]:
    return {key.rsplit("/")[-1] for key in stored_keys(s3)}


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
    kit.redis.zadd(kit.keys.stored_catalogs("main"), {kit.catalog_urls.path(first.catalog_set_id or ""): 1})  # long ago
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
    path = kit.catalog_urls.path(catalog_of("soup").catalog_set_id or "")
    kit.redis.zadd(kit.keys.stored_catalogs("main"), {path: 1})

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
    with pytest.raises(ValidationError, match="catalog_bucket_endpoint"):
        make_kit(catalog_bucket="catalogs", catalog_bucket_endpoint="http://")


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


def test_presence_that_the_credentials_may_not_know_is_assumed(
    kit: Kit, s3: S3Client, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    publish(kit, catalog_of("soup"))

    def forbid(**_: object) -> None:
        raise s3.exceptions.ClientError({"ResponseMetadata": {"HTTPStatusCode": 403}}, "HeadObject")  # type: ignore[typeddict-item]

    monkeypatch.setattr(kit.catalog_storage._s3, "head_object", forbid)  # type: ignore[attr-defined]
    assert not kit.publisher.publish("main", catalog_of("soup"), fail)
    assert "catalog_presence_unknown" in [event["event"] for event in events]


def test_bucket_that_disappeared_fails_the_sync(kit: Kit, s3: S3Client, events: list[Any]) -> None:
    (store,) = kit.stores
    assert kit.catalog_sync.sync(store).outcome is SyncOutcome.PUBLISHED
    for name in stored_keys(s3):
        s3.delete_object(Bucket="catalogs", Key=name)
    s3.delete_bucket(Bucket="catalogs")
    report = kit.catalog_sync.sync(store)
    assert (report.outcome, "CATALOG_BUCKET catalogs" in report.reasons[0]) == (SyncOutcome.FAILED, True)


def fail(url: str) -> None:
    raise AssertionError(url)
