"""The same scenarios for every catalog storage: rotated secrets, lost bodies, publications that were cut off, removed stores."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.conftest import SECRET
from webhook_kit.app import create_app
from webhook_kit.catalog.build import simple_catalog
from webhook_kit.gett.models.catalog import ExternalCatalogSet, ExternalItem
from webhook_kit.kit import Kit
from webhook_kit.publishing.sync import SyncOutcome, SyncReport
from webhook_kit.storage.connection import text
from webhook_kit.testing.bogus import BogusAdapter
from webhook_kit.testing.processes import PATIENCE

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BASE = "https://pos.example.org"
DAY = 86_400
ANYBODY_MAY_READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::catalogs/*"}
    ],
}


class Storage:
    """A catalog storage, and the kits that use it."""

    def __init__(self, make_kit: Callable[..., Kit], s3: S3Client, settings: dict[str, Any]) -> None:
        self._make_kit, self._s3, self._settings = make_kit, s3, settings
        self.is_bucket = "catalog_bucket" in settings
        self.kit = make_kit(**settings, catalog_retention=DAY)

    def restart(self, *secrets: str) -> None:
        """Replace the kit by one with other webhook secrets, newest first."""
        prefix = self.kit.settings.key_prefix
        self.kit = self._make_kit(
            **self._settings, catalog_retention=DAY, key_prefix=prefix, gett_webhook_secrets=list(secrets)
        )

    def sync(self, *items: str) -> SyncReport:
        """Synchronise the store, whose POS has these items."""
        food = [ExternalItem(item_id=item, name=item, base_price=1) for item in items]
        (store,) = self.kit.stores
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(BogusAdapter, "fetch_catalog", lambda *_: simple_catalog({"Food": food}))
            return self.kit.catalog_sync.sync(store, force=True)

    def url(self) -> str:
        url = self.kit.publisher.url("main")
        assert url is not None
        return url

    def download(self, url: str) -> set[str] | None:
        """Return the items of the catalog at a URL; None if there is none."""
        if url.startswith(BASE):
            answer = create_app(self.kit).test_client().get(url.removeprefix(BASE), headers={"Accept-Encoding": "gzip"})
            status, body = answer.status_code, answer.data
        else:
            with requests.Session() as session:
                session.trust_env = False
                response = session.get(url, timeout=PATIENCE, stream=True)
                status, body = response.status_code, response.raw.read()
        assert status in (200, 404)
        return set(ExternalCatalogSet.from_json(gzip.decompress(body)).items) if status == 200 else None

    def bodies(self) -> set[str]:
        """Return the names of all stored bodies."""
        if self.is_bucket:
            return {stored["Key"] for stored in self._s3.list_objects_v2(Bucket="catalogs").get("Contents", [])}
        return {key.decode() for key in self.kit.redis.scan_iter(f"{self.kit.keys.catalog_set('')}*")}

    def lose_bodies(self) -> None:
        for name in self.bodies():
            if self.is_bucket:
                self._s3.delete_object(Bucket="catalogs", Key=name)
            else:
                self.kit.redis.delete(name)

    def wait_for_retention(self) -> None:
        """Let two days pass for everything that is superseded."""
        names = self.kit.keys.stored_catalogs("main")
        for name in map(text, self.kit.redis.zrangebyscore(names, 0, "(inf")):
            self.kit.redis.zincrby(names, -2 * DAY, name)


@pytest.fixture(params=["redis", "bucket", "public bucket"])
def storage(request: pytest.FixtureRequest, make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> Storage:
    settings: dict[str, Any] = {"public_url": BASE}
    if request.param != "redis":
        settings = {"catalog_bucket": "catalogs", "catalog_bucket_endpoint": endpoint}
    if request.param == "public bucket":
        settings["catalog_bucket_url"] = f"{endpoint}/catalogs"
        s3.put_bucket_policy(Bucket="catalogs", Policy=json.dumps(ANYBODY_MAY_READ))
    return Storage(make_kit, s3, settings)


class TestEveryStorage:
    def test_published_catalog_can_be_downloaded(self, storage: Storage) -> None:
        assert storage.sync("soup").outcome is SyncOutcome.PUBLISHED
        assert storage.download(storage.url()) == {"soup"}

    def test_published_url_stays_valid_while_a_secret_is_rotated(self, storage: Storage) -> None:
        storage.sync("soup")
        before = storage.url()
        storage.restart("new", SECRET)
        assert storage.download(before) == storage.download(storage.url()) == {"soup"}
        assert storage.sync("soup").outcome is SyncOutcome.UNCHANGED
        assert storage.download(storage.url()) == {"soup"}

    def test_kit_serves_versions_of_the_older_secret(self, storage: Storage) -> None:
        storage.sync("soup")
        version = storage.kit.publisher.current("main")
        assert version is not None
        path = storage.kit.catalog_urls.path(version.version)
        storage.restart("new", SECRET)
        assert storage.download(f"{BASE}/{path}") == {"soup"}

    def test_new_url_after_a_rotation_is_valid_without_the_old_secret(self, storage: Storage) -> None:
        storage.sync("soup")
        storage.restart("new", SECRET)
        (store,) = storage.kit.stores
        assert storage.kit.catalog_sync.publish(store, force=True).outcome is SyncOutcome.PUBLISHED
        storage.restart("new")
        assert storage.download(storage.url()) == {"soup"}

    @pytest.mark.parametrize("secrets", [["new", SECRET], ["new"]])
    def test_superseded_bodies_are_deleted_after_a_rotation_too(self, storage: Storage, secrets: list[str]) -> None:
        storage.sync("soup")
        storage.restart(*secrets)
        storage.sync("cake")
        assert len(storage.bodies()) == 2
        storage.wait_for_retention()
        storage.sync("tea")
        storage.wait_for_retention()
        storage.sync("pie")
        assert storage.download(storage.url()) == {"pie"}
        assert len(storage.bodies()) == 2, "the current one, and its predecessor"

    def test_other_name_of_the_same_version_is_deleted_after_its_retention(self, storage: Storage) -> None:
        storage.sync("soup")
        storage.restart("new", SECRET)
        (store,) = storage.kit.stores
        for _ in range(2):
            storage.kit.catalog_sync.publish(store, force=True)
            storage.wait_for_retention()
        storage.kit.catalog_sync.publish(store, force=True)
        assert len(storage.bodies()) == 1
        assert storage.download(storage.url()) == {"soup"}

    def test_lost_body_is_stored_again_by_the_next_sync(self, storage: Storage) -> None:
        storage.sync("soup")
        storage.lose_bodies()
        assert storage.download(storage.url()) is None
        assert storage.sync("soup").outcome is SyncOutcome.PUBLISHED
        assert storage.download(storage.url()) == {"soup"}
        assert storage.sync("soup").outcome is SyncOutcome.UNCHANGED

    def test_version_that_is_current_again_is_not_deleted(self, storage: Storage) -> None:
        for item in ("soup", "cake", "soup"):
            storage.sync(item)
        storage.wait_for_retention()
        (store,) = storage.kit.stores
        storage.kit.catalog_sync.publish(store, force=True)
        assert storage.download(storage.url()) == {"soup"}
        assert len(storage.bodies()) == 1

    def test_body_of_a_publication_that_was_cut_off_is_deleted(self, storage: Storage) -> None:
        storage.sync("soup")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(storage.kit.catalog_notifications, "changed", fail)
            assert storage.sync("cake").outcome is SyncOutcome.FAILED
        assert len(storage.bodies()) == 2
        storage.wait_for_retention()
        storage.sync("tea")
        assert len(storage.bodies()) == 2, "soup and tea"

    def test_removed_store_leaves_no_body(self, storage: Storage) -> None:
        for item in ("soup", "cake"):
            storage.sync(item)
        storage.restart("new", SECRET)
        storage.sync("tea")
        assert storage.kit.publisher.retire("main") == []
        assert storage.bodies() == set()
        assert storage.kit.publisher.current("main") is None
        assert list(storage.kit.redis.scan_iter(f"{storage.kit.keys.stored_catalogs('main')}*")) == []


def fail(*_: object) -> None:
    raise ConnectionError("killed")


def test_bodies_that_cannot_be_deleted_are_named(make_kit: Callable[..., Kit], endpoint: str, s3: S3Client) -> None:
    storage = Storage(make_kit, s3, {"catalog_bucket": "catalogs", "catalog_bucket_endpoint": endpoint})
    storage.sync("soup")
    (name,) = storage.bodies()
    s3.delete_object(Bucket="catalogs", Key=name)
    s3.delete_bucket(Bucket="catalogs")
    assert storage.kit.publisher.retire("main") == [name]
