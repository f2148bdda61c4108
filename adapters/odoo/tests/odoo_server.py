"""A real Odoo with its own PostgreSQL: a fresh database for each test within a second."""

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
_REQUIRED_MEMORY = 2 << 30
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "jit": "off",
}


class Cluster:
    """A PostgreSQL for this process, in a temporary directory.

    :param copy_of: the data of a stopped cluster; a new one when None.
    """

    def __init__(self, installed: Installation, copy_of: Path | None = None) -> None:
        self._installed = installed
        self._directory = Path(tempfile.mkdtemp(prefix="webhook-kit-odoo-", dir=_fast_directory()))
        self.data = self._directory / "data"
        self._directory.chmod(0o755)
        self._copy_of = copy_of
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        command = installed.as_server("postgres", "-D", str(self.data), "-k", str(self._directory), *settings)
        self._process = Process(command, env=installed.environment)

    def __enter__(self) -> Self:
        if self._copy_of:
            shutil.copytree(self._copy_of, self.data)
            self.data.chmod(0o700)
        self._change_owner()
        if not self._copy_of:
            self._call("initdb", "-D", str(self.data), "-A", "trust", "-U", "odoo", "-E", "UTF8", "--no-locale", "-N")
        self._process.start()
        self._process.wait_until(self._is_ready, message="PostgreSQL to start")
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    @property
    def options(self) -> Sequence[str]:
        """Odoo's options for the connection."""
        return ["--db_host", str(self._directory), "--db_user", "odoo"]

    def stop(self) -> None:
        """Stop it in an orderly way."""
        self._process.terminate()

    def renew(self, database: str) -> None:
        """Replace a database by a copy of the template."""
        self._call("dropdb", "--force", "--if-exists", database, *self._socket)
        self._call("createdb", "--template", TEMPLATE, "--strategy", "file_copy", database, *self._socket)

    @property
    def _socket(self) -> list[str]:
        return ["-h", str(self._directory), "-U", "odoo"]

    def _is_ready(self) -> bool:
        command = self._installed.as_server("pg_isready", *self._socket)
        environment = {**os.environ, **self._installed.environment}
        return subprocess.run(command, env=environment, check=False, capture_output=True).returncode == 0

    def _call(self, *command: str) -> None:
        environment = {**os.environ, **self._installed.environment}
        done = subprocess.run(
            self._installed.as_server(*command), env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command[0]}: {done.stderr}"

    def _change_owner(self) -> None:
        if os.getuid() == 0:
            user = server_user()
            for path in (self._directory, *self._directory.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)


def _fast_directory() -> str | None:
    """Return memory if there is enough, because every test copies a database; None for the default directory."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > _REQUIRED_MEMORY else None


class OdooServer:
    """Context manager that runs Odoo with one database, which can be renewed."""

    def __init__(self, installed: Installation, seeded: Path) -> None:
        self._cluster = Cluster(installed, seeded / "cluster")
        self.key = (seeded / "key").read_text()
        self.url = f"http://127.0.0.1:{free_port()}"
        self._files = tempfile.TemporaryDirectory(prefix="webhook-kit-odoo-files-")
        self._seeded = seeded
        command = installed.odoo(
            *self._cluster.options,
            # Without the filter Odoo opens the template, which then cannot be copied.
            *("--data-dir", self._files.name, "--db-filter", f"^{DATABASE}$"),
            *("--workers", "0", "--max-cron-threads", "0", "--log-level", "warn"),
            *("--http-interface", "127.0.0.1", "--http-port", self.url.rpartition(":")[2]),
        )
        self._process = Process(command, env=installed.odoo_environment)

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
        """Restore the seeded state."""
        self._cluster.renew(DATABASE)

    def output(self) -> str:
        """Return Odoo's log."""
        return self._process.output()

    @property
    def api(self) -> Odoo:
        """Odoo's API, without the adapter."""
        return Odoo(requests.Session(), self.url, DATABASE, self.key)

    def one(self, model: str, domain: Sequence[Any], *fields: str) -> Row:
        """Return the only matching record."""
        (row,) = self.api.rows(model, domain, fields)
        return row

    def write(self, model: str, number: int, **values: Any) -> None:
        """Change a record."""
        self.api.call(model, "write", ids=[number], vals=values)
