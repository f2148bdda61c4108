"""A real Odoo on a PostgreSQL of its own: a fresh restaurant within a second, whenever a test asks for one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import requests

from tests.installing import TEMPLATE, Installation, server_user
from webhook_kit.testing.processes import Process, free_port
from webhook_kit_odoo.client import Odoo, Row

__all__ = ["Cluster", "OdooServer"]

DATABASE = "pos"
_ENOUGH = 2 << 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "jit": "off",
}


class Cluster:
    """A PostgreSQL that only this process knows, in a temporary directory.

    :param copy_of: the data of a cluster that was stopped; a new one when None.
    """

    def __init__(self, found: Installation, copy_of: Path | None = None) -> None:
        self._found = found
        self._directory = Path(tempfile.mkdtemp(prefix="webhook-kit-odoo-", dir=_quick_place()))
        self.data = self._directory / "data"
        self._directory.chmod(0o755)
        self._copy_of = copy_of
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = found.as_server("postgres", "-D", str(self.data), "-k", str(self._directory), *settings)
        self._process = Process(command, env=found.environment)

    def __enter__(self) -> Self:
        if self._copy_of:
            shutil.copytree(self._copy_of, self.data)
            self.data.chmod(0o700)
        self._give_away()
        if not self._copy_of:
            self._call("initdb", "-D", str(self.data), "-A", "trust", "-U", "odoo", "-E", "UTF8", "--no-locale", "-N")
        self._process.start()
        self._process.wait_until(self._answers, message="PostgreSQL to answer")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def options(self) -> Sequence[str]:
        """How Odoo finds it."""
        return ["--db_host", str(self._directory), "--db_user", "odoo"]

    def stop(self) -> None:
        """End it, data whole."""
        self._process.terminate()

    def renew(self, database: str) -> None:
        """Let a database be as the template is."""
        self._call("dropdb", "--force", "--if-exists", database, *self._socket)
        self._call("createdb", "--template", TEMPLATE, "--strategy", "file_copy", database, *self._socket)

    @property
    def _socket(self) -> list[str]:
        return ["-h", str(self._directory), "-U", "odoo"]

    def _answers(self) -> bool:
        asked = self._found.as_server("pg_isready", *self._socket)
        environment = {**os.environ, **self._found.environment}
        return subprocess.run(asked, env=environment, check=False, capture_output=True).returncode == 0

    def _call(self, *command: str) -> None:
        environment = {**os.environ, **self._found.environment}
        done = subprocess.run(
            self._found.as_server(*command), env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def _give_away(self) -> None:
        if os.getuid() == 0:
            user = server_user()
            for path in (self._directory, *self._directory.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def _quick_place() -> str | None:
    """Memory, where there is enough of it: every test copies a database. None is the usual place."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _ENOUGH else None


class OdooServer:
    """Odoo, serving one database that is renewed at will. A context manager."""

    def __init__(self, found: Installation, seeded: Path) -> None:
        self._cluster = Cluster(found, seeded / "cluster")
        self.key = (seeded / "key").read_text()
        self.url = f"http://127.0.0.1:{free_port()}"
        self._files = tempfile.TemporaryDirectory(prefix="webhook-kit-odoo-files-")
        self._seeded = seeded
        command = found.odoo(
            *self._cluster.options,
            # Left to itself it would open the template, which then could not be copied.
            *("--data-dir", self._files.name, "--db-filter", f"^{DATABASE}$"),
            *("--workers", "0", "--max-cron-threads", "0", "--log-level", "warn"),
            *("--http-interface", "127.0.0.1", "--http-port", self.url.rpartition(":")[2]),
        )
        self._process = Process(command, env=found.odoo_environment)

    def __enter__(self) -> Self:
        self._cluster.__enter__()
        shutil.copytree(self._seeded / "files", self._files.name, dirs_exist_ok=True)
        self._process.start()
        self._process.wait_http(f"{self.url}/web/health", 60)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.terminate()
        self._cluster.__exit__()
        self._files.cleanup()

    def renew(self) -> None:
        """Everything is as it was seeded."""
        self._cluster.renew(DATABASE)

    def output(self) -> str:
        """What Odoo has logged."""
        return self._process.output()

    @property
    def api(self) -> Odoo:
        """The API, past the adapter."""
        return Odoo(requests.Session(), self.url, DATABASE, self.key)

    def one(self, model: str, domain: Sequence[Any], *fields: str) -> Row:
        """The only record that matches."""
        (row,) = self.api.rows(model, domain, fields)
        return row

    def write(self, model: str, number: int, **values: Any) -> None:
        """Change a record."""
        self.api.call(model, "write", ids=[number], vals=values)
