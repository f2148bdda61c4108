"""A real PostgreSQL from the system, in a temporary directory, reached by a Unix socket. It refuses to run as root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import psycopg
import pytest

from webhook_kit.testing.processes import PATIENCE, Process, wait_until

__all__ = ["PostgresServer", "missing_postgres"]

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "shared_buffers": "16MB",
    "max_connections": "30",
}


def _binaries() -> Path | None:
    if found := shutil.which("postgres"):
        return Path(found).parent
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


def missing_postgres() -> str:
    """Return why no PostgreSQL can be started, or the empty text."""
    if _binaries() is None:
        return "PostgreSQL is not installed (apt-get install postgresql)"
    if os.getuid() == 0 and shutil.which("setpriv") is None:
        return "PostgreSQL does not run as root, and there is no setpriv (apt-get install util-linux)"
    return ""


def _unprivileged() -> list[str]:
    """Return the beginning of a command that runs the rest as another user than root."""
    if os.getuid() != 0:
        return []
    user = _user()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


class PostgresServer:
    """Context manager that runs a server. It can be killed, stopped and started again with the same data."""

    def __init__(self) -> None:
        if why := missing_postgres():
            pytest.skip(why)
        self.directory = Path(tempfile.mkdtemp(prefix="wk-pg-"))
        self.directory.chmod(0o755)
        if os.getuid() == 0:
            os.chown(self.directory, _user().pw_uid, _user().pw_gid)
        binaries = _binaries()
        assert binaries is not None
        self._initdb = binaries / "initdb"
        data = str(self.directory / "data")
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self.process = Process(
            [*_unprivileged(), str(binaries / "postgres"), "-D", data, "-k", str(self.directory), *settings],
            cwd=self.directory,
            env={"LC_ALL": "C.UTF-8"},
        )

    def __enter__(self) -> Self:
        command = ["-D", str(self.directory / "data"), "-A", "trust", "-U", "kit", "-E", "UTF8", "--no-locale", "-N"]
        done = subprocess.run(
            [*_unprivileged(), str(self._initdb), *command],
            check=False,
            capture_output=True,
            text=True,
            cwd=self.directory,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, done.stderr
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self) -> Self:
        """Start the server, also after it was killed, and wait until it can be used."""
        wait_until(self._started, message="PostgreSQL to start")
        return self

    def _started(self) -> bool:
        # Processes of a killed server end by themselves a little later, and keep a new one from starting until then.
        if not self.process.running:
            self.process.start()
        return self._is_ready()

    def kill(self) -> None:
        """Kill the server and all its processes at once."""
        self.process.kill()

    def create_database(self, **options: str) -> str:
        """Create an empty database, and return its address."""
        name = f"a{uuid4().hex}"
        words = " ".join(f"{option} {value}" for option, value in options.items())
        self.execute(f"CREATE DATABASE {name} {words}")
        return self.url(name)

    def url(self, database: str) -> str:
        """Return the address of a database, as ``ARCHIVE_URL`` may have it."""
        return f"postgresql://kit@/{database}?host={self.directory}"

    def execute(self, sql: str, url: str | None = None) -> list[tuple[Any, ...]]:
        """Execute SQL, and return its rows."""
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def _is_ready(self) -> bool:
        try:
            return bool(self.execute("SELECT 1"))
        except psycopg.OperationalError:
            return False
