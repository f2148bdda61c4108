"""Connection, schema and messages, on a real PostgreSQL."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.operations.archive.archive_env import ArchiveEnv
from tests.postgres_server import PostgresServer
from webhook_kit.errors import ArchiveUnavailable, ConfigurationError
from webhook_kit.operations.archive import open_archive
from webhook_kit.operations.archive.database import ArchiveDatabase
from webhook_kit.operations.archive.tables import VERSION
from webhook_kit.settings import Settings

HIDDEN = "topsecret"


Unmigrated = Callable[[str], ArchiveDatabase]


@pytest.fixture
def unmigrated() -> Iterator[Unmigrated]:
    opened: list[ArchiveDatabase] = []

    def open_(url: str) -> ArchiveDatabase:
        opened.append(open_archive(Settings(archive_url=url)))
        return opened[-1]

    yield open_
    for archive in opened:
        archive.close()


def test_the_tables_are_made_once_however_often_and_by_however_many(unmigrated: Unmigrated, archive_url: str) -> None:
    found: list[int] = []
    archives = [unmigrated(archive_url) for _ in range(3)]
    threads = [threading.Thread(target=lambda one=one: found.append(one.migrate())) for one in archives]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, VERSION, VERSION]
    assert archives[0].migrate() == VERSION
    assert archives[0].counts() == {"orders": 0, "updates": 0, "audit": 0}


def test_newer_tables_are_neither_written_nor_migrated(
    unmigrated: Unmigrated, archive_url: str, postgres: PostgresServer
) -> None:
    archive = unmigrated(archive_url)
    archive.migrate()
    postgres.execute("UPDATE webhook_kit.version SET version = version + 1", archive_url)
    with pytest.raises(ConfigurationError, match="update it"):
        archive.migrate()
    with pytest.raises(ArchiveUnavailable, match=f"version {VERSION + 1}, and this program knows {VERSION}"):
        archive.require_usable()
    postgres.execute("UPDATE webhook_kit.version SET version = 0", archive_url)
    with pytest.raises(ArchiveUnavailable, match="webhook-kit archive migrate"):
        archive.require_usable()


def test_a_database_that_cannot_hold_every_text_is_refused(unmigrated: Unmigrated, postgres: PostgresServer) -> None:
    url = postgres.create_database(ENCODING="'LATIN1'", TEMPLATE="template0")
    with pytest.raises(ConfigurationError, match="encoding LATIN1"):
        unmigrated(url).migrate()


def test_a_server_that_is_away_is_named_without_the_password(unmigrated: Unmigrated) -> None:
    archive = unmigrated(f"postgres://u:{HIDDEN}@127.0.0.1:1/d")
    with pytest.raises(ArchiveUnavailable, match="the archive cannot be used: ") as caught:
        archive.require_usable()
    assert HIDDEN not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_name_of_the_database_is_told(unmigrated: Unmigrated, postgres: PostgresServer) -> None:
    with pytest.raises(ArchiveUnavailable, match='database "missing" does not exist'):
        unmigrated(postgres.url("missing")).require_usable()


def test_an_address_that_libpq_does_not_take_is_one_clear_message(unmigrated: Unmigrated) -> None:
    archive = unmigrated(f"postgres://u:{HIDDEN}@h/d?no_such_option=1")
    with pytest.raises(ArchiveUnavailable) as caught:
        archive.require_usable()
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize("module", ["sqlalchemy", "psycopg"])
def test_a_missing_extra_is_one_clear_message(
    unmigrated: Unmigrated, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("database", "tables"):
        monkeypatch.delitem(sys.modules, f"webhook_kit.operations.archive.{name}", raising=False)
    with pytest.raises(ConfigurationError, match=r"pip install 'webhook-kit\[postgres\]'"):
        unmigrated("postgres://localhost/d")


def test_installations_share_a_database(make_env: Callable[..., ArchiveEnv]) -> None:
    one, other = make_env(), make_env()
    ref = one.ended()
    one.writer.run()
    assert one.database.counts() == {"orders": 1, "updates": 3, "audit": 0}
    assert other.database.counts() == {"orders": 0, "updates": 0, "audit": 0}
    assert other.database.find_orders(ref) == []


def test_the_connection_survives_a_restart_of_the_server(unmigrated: Unmigrated) -> None:
    with PostgresServer() as server:
        archive = unmigrated(server.create_database())
        archive.migrate()
        server.kill()
        with pytest.raises(ArchiveUnavailable):
            archive.require_usable()
        server.start()
        archive.require_usable()
    with pytest.raises(psycopg.OperationalError):
        server.execute("SELECT 1")
