"""Published menus in a bucket, against moto: a server that speaks S3, kept in step with Amazon's by many hands."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer

from webhook_kit.app import create_app
from webhook_kit.catalog.build import simple_catalog, versioned
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.publishing.publisher import StorageUnavailable
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
    client.create_bucket(Bucket="menus")
    for held in client.list_objects_v2(Bucket="menus").get("Contents", []):
        client.delete_object(Bucket="menus", Key=held["Key"])
    return client


@pytest.fixture
def kit(make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> Kit:
    return make_kit(catalog_bucket="menus", catalog_bucket_endpoint=endpoint)


def menu(*dishes: str) -> ExternalCatalogSet:
    board = [ExternalItem(item_id=dish, name=dish, base_price=Decimal("9.50")) for dish in dishes]
    return versioned(simple_catalog({"Food": board}), "gett-1")


def publish(kit: Kit, catalog: ExternalCatalogSet) -> str:
    told: list[str] = []
    kit.publisher.publish("main", catalog, told.append)
    (address,) = told
    return address


def pull(address: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(address, timeout=PATIENCE)


def names(s3: S3Client) -> set[str]:
    return {held["Key"].rsplit("/")[-1] for held in s3.list_objects_v2(Bucket="menus").get("Contents", [])}


def test_gett_pulls_from_the_bucket_at_a_signed_address(kit: Kit, s3: S3Client) -> None:
    catalog = menu("soup")
    response = pull(publish(kit, catalog))
    assert response.status_code == 200
    assert ExternalCatalogSet.from_json(response.content) == catalog, "requests has unpacked it"
    assert (response.headers["Content-Encoding"], response.headers["Content-Type"]) == ("gzip", "application/json")
    assert "immutable" in response.headers["Cache-Control"]


def test_or_at_the_buckets_public_address(make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> None:
    where = {"catalog_bucket_endpoint": endpoint, "catalog_bucket_url": "https://cdn.example.org/menus/"}
    address = publish(make_kit(catalog_bucket="menus", **where), menu("soup"))
    assert address.startswith("https://cdn.example.org/menus/catalogs/")
    (held,) = s3.list_objects_v2(Bucket="menus")["Contents"]
    assert address.endswith(held["Key"])


def test_the_kit_serves_what_is_in_the_bucket_too(kit: Kit) -> None:
    catalog = menu("soup")
    publish(kit, catalog)
    path = f"/{kit.catalog_urls.path(catalog.catalog_set_id or '')}"
    response = create_app(kit).test_client().get(path, headers={"Accept-Encoding": "gzip"})
    assert ExternalCatalogSet.from_json(gzip.decompress(response.data)) == catalog
    missing = f"/{kit.catalog_urls.path(menu('cake').catalog_set_id or '')}"
    assert create_app(kit).test_client().get(missing).status_code == 404


def test_a_version_is_dropped_when_its_time_is_over_and_not_before(kit: Kit, s3: S3Client) -> None:
    first, second, third = menu("soup"), menu("cake"), menu("tea")
    publish(kit, first)
    publish(kit, second)
    assert len(names(s3)) == 2
    kit.redis.zadd(kit.keys.superseded("main"), {first.catalog_set_id or "": 1})  # long ago
    publish(kit, third)
    assert names(s3) == {f"{catalog.catalog_set_id}.json" for catalog in (second, third)}


def test_a_bucket_that_is_not_there_keeps_the_last_good_state_and_says_so(
    make_kit: Callable[..., Kit], endpoint: str, events: list[Any]
) -> None:
    kit = make_kit(catalog_bucket="elsewhere", catalog_bucket_endpoint=endpoint)
    with pytest.raises(StorageUnavailable, match="elsewhere"):
        publish(kit, menu("soup"))
    (store,) = kit.stores
    report = kit.catalog_sync.sync(store)
    assert (report.outcome, "CATALOG_BUCKET elsewhere" in report.why[0]) == (SyncOutcome.FAILED, True)
    assert kit.publisher.current("main") is None
    assert kit.lanes.all_waiting() == {}
    response = create_app(kit).test_client().get(f"/{kit.catalog_urls.path('0' * 36)}")
    assert response.status_code == 503


def test_an_old_version_that_cannot_be_dropped_costs_nothing_else(
    kit: Kit, s3: S3Client, monkeypatch: pytest.MonkeyPatch, events: list[Any]
) -> None:
    publish(kit, menu("soup"))
    publish(kit, menu("cake"))
    kit.redis.zadd(kit.keys.superseded("main"), {menu("soup").catalog_set_id or "": 1})

    def refuses(version: str) -> None:
        raise StorageUnavailable(version)

    with monkeypatch.context() as patched:
        patched.setattr(kit.catalog_storage, "delete", refuses)
        publish(kit, menu("tea"))
    assert len(names(s3)) == 3
    publish(kit, menu("pie"))
    assert len(names(s3)) == 3, "dropped the next time"


def test_without_boto3_the_configuration_says_what_is_missing(
    make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConfigurationError, match=r"webhook-kit\[s3\]"):
        make_kit(catalog_bucket="menus").catalog_storage  # noqa: B018 - made when first asked for


def test_an_endpoint_that_is_none_is_a_mistake_of_the_configuration(make_kit: Callable[..., Kit]) -> None:
    with pytest.raises(ConfigurationError, match="CATALOG_BUCKET"):
        make_kit(catalog_bucket="menus", catalog_bucket_endpoint="http://").catalog_storage  # noqa: B018 - as above
