"""A real Odoo 19 and a PostgreSQL for it, unpacked from Debian's packages into a cache; nothing is installed on the machine.

``python -m tests.installing`` (in ``adapters/odoo``) fetches both. The second run finds them in the cache:
``$XDG_CACHE_HOME/webhook_kit_odoo``, by default ``~/.cache/…``, for root ``/var/cache/…`` (PostgreSQL runs as another user, who
must be able to read it).
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Installation", "InstallationFailed", "installation", "seed"]

HERE = Path(__file__).parent
CONSTRAINTS = HERE / "odoo-constraints.txt"
SEED = HERE / "seed.py"
PACKAGE = "odoo-19"
KNOWN = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"  # 19.0.0+dfsg-1
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NOT_NEEDED = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
MODULES = "pos_restaurant,pos_self_order,base_automation"
TEMPLATE = "template_pos"
"""The database from which every test's database is copied."""


class InstallationFailed(Exception):
    """Odoo or PostgreSQL cannot be installed on this machine; the text has the reason."""


@dataclass(frozen=True)
class Installation:
    """Paths of the installation.

    :ivar source: the directory with the Python package ``odoo``.
    :ivar python: an interpreter with everything that Odoo imports.
    :ivar postgres: the directory of PostgreSQL's programs.
    :ivar libraries: the directory of their libraries; None if they are the machine's own.
    :ivar base: the cache.
    """

    source: Path
    python: Path
    postgres: Path
    libraries: Path | None
    base: Path

    def as_server(self, *command: str) -> list[str]:
        """Return the command of a PostgreSQL program, as another user than root, which PostgreSQL refuses."""
        program, *arguments = command
        full = [str(self.postgres / program), *arguments]
        if os.getuid() != 0:
            return full
        user = server_user()
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *full]

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment of PostgreSQL's programs."""
        return {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {}

    def odoo(self, *arguments: str) -> list[str]:
        """Return a command of Odoo."""
        return [str(self.python), "-m", "odoo", *arguments]

    @property
    def odoo_environment(self) -> Mapping[str, str]:
        """Environment of Odoo; its many deprecation warnings are ignored."""
        return {"PYTHONPATH": str(self.source), "PYTHONWARNINGS": "ignore"}


def server_user() -> pwd.struct_passwd:
    """Return the user for PostgreSQL if the tests run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise InstallationFailed("PostgreSQL refuses to run as root, and this machine has no user 'postgres' or 'nobody'")


@cache
def installation() -> Installation:
    """Return the installation; it is fetched first if it is missing.

    :raises InstallationFailed: when it cannot be installed.
    """
    if not sys.platform.startswith("linux") or not shutil.which("apt-get"):
        raise InstallationFailed("Odoo and PostgreSQL are Debian packages, so Debian with apt-get is required")
    base = _base()
    with _locked(base):
        try:
            source = _once(base / f"odoo-{KNOWN[:12]}", _unpack_odoo)
            digest = hashlib.sha256(CONSTRAINTS.read_bytes() + platform.python_version().encode()).hexdigest()
            environment = _once(base / f"python-{digest[:12]}", _make_environment)
            programs, libraries = _postgres(base)
        except (OSError, subprocess.SubprocessError) as error:
            raise InstallationFailed(_summary(error)) from error
    return Installation(
        source=source / "usr/lib/python3/dist-packages",
        python=environment / "bin/python",
        postgres=programs,
        libraries=libraries,
        base=base,
    )


def _base() -> Path:
    home = Path("/var/cache") if os.getuid() == 0 else Path.home() / ".cache"
    base = Path(os.environ.get("XDG_CACHE_HOME") or home) / "webhook_kit_odoo"
    base.mkdir(parents=True, exist_ok=True)
    return base


@contextmanager
def _locked(base: Path) -> Iterator[None]:
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _once(place: Path, make: object) -> Path:
    """Make a directory completely or not at all, and return it."""
    if not place.exists():
        unfinished = place.with_name(f"{place.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        assert callable(make)
        make(unfinished)
        unfinished.rename(place)
    return place


# -- Odoo --------------------------------------------------------------------------------------------------------------


def _unpack_odoo(place: Path) -> None:
    apt = _private_apt(place / "apt", f"deb {_signed()}{_mirror()} sid main\n")
    _run([*apt, "update"])
    _run([*apt, "download", PACKAGE], cwd=place)
    (package,) = place.glob(f"{PACKAGE}_*.deb")
    if not package.name.startswith(f"{PACKAGE}_19.0"):
        raise InstallationFailed(f"Debian has {package.name}, but the adapter requires Odoo 19.0")
    if hashlib.sha256(package.read_bytes()).hexdigest() != KNOWN:
        sys.stderr.write(f"note: {package.name} is newer than the build of which these tests know the checksum\n")
    unpacking = f"dpkg-deb --fsys-tarfile {package.name} | tar -x --no-same-owner --exclude='*/i18n/*'"
    _run(["sh", "-c", unpacking], cwd=place)
    package.unlink()
    shutil.rmtree(place / "apt")


def _make_environment(place: Path) -> None:
    _run([sys.executable, "-m", "venv", str(place)])
    python = str(place / "bin/python")
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(CONSTRAINTS)])


def _mirror() -> str:
    """Return the Debian mirror of this machine's configuration."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = _run(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"]).split("\n")
    for target in targets:
        name, _, address = target.partition(" ")
        if name == release and address.rstrip("/").endswith("/debian"):
            return address
    raise InstallationFailed("apt is not configured with a Debian mirror")


def _signed() -> str:
    return f"[signed-by={KEYRING}] " if KEYRING.exists() else ""


def _private_apt(place: Path, sources: str | None = None) -> list[str]:
    """Return ``apt-get`` with separate directories; it reads the installed packages and changes nothing."""
    for each in ("lists/partial", "cache/archives/partial"):
        (place / each).mkdir(parents=True, exist_ok=True)
    options = {
        "Dir::State": str(place),
        "Dir::State::lists": str(place / "lists"),
        "Dir::Cache": str(place / "cache"),
        "Dir::State::status": "/var/lib/dpkg/status",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
        "Acquire::Retries": "3",
    }
    if sources is not None:
        (place / "sources.list").write_text(sources)
        options |= {"Dir::Etc::sourcelist": str(place / "sources.list"), "Dir::Etc::sourceparts": "-"}
    return ["apt-get", "-qq", *(part for name, value in options.items() for part in ("-o", f"{name}={value}"))]


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def _postgres(base: Path) -> tuple[Path, Path | None]:
    """Return PostgreSQL's programs and libraries: the machine's own, or unpacked from its packages."""
    initdb = shutil.which("initdb")
    programs = [Path(initdb).resolve().parent] if initdb else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if programs and (programs[-1] / "postgres").exists():
        return programs[-1], None
    place = _once(base / "postgresql", _unpack_postgres)
    (unpacked,) = place.glob("usr/lib/postgresql/*/bin")
    (libraries,) = place.glob("usr/lib/*-linux-gnu")
    return unpacked, libraries


def _unpack_postgres(place: Path) -> None:
    apt = _private_apt(place / "apt")
    _run([*apt, "update"])
    lists = [*_cache_of(apt), "depends", *(f"--no-{kind}" for kind in _NOT_NEEDED)]
    packages = _run([*lists, "postgresql"]).split()
    server = next(each for each in packages if each.startswith("postgresql-") and each[-1].isdigit())
    # Only missing packages are unpacked; apt's own solver would try to repair the machine first.
    needed = {line for line in _run([*lists, "--recurse", server]).split("\n") if line[:1].isalnum()}
    installed = set(_run(["dpkg-query", "--show", "--showformat", "${Package}\n"]).split()) - {server}
    _run([*apt, "download", *sorted(needed - installed)], cwd=place)
    for archive in sorted(place.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(place)])
        archive.unlink()
    shutil.rmtree(place / "apt")


def _cache_of(apt: Sequence[str]) -> list[str]:
    return ["apt-cache", *(each for each in apt[1:] if each != "-qq")]


# -- the seed ----------------------------------------------------------------------------------------------------------


def seed(installed: Installation) -> Path:
    """Return the directory of a stopped cluster with the template database: ``cluster``, ``files`` and ``key``.

    :raises InstallationFailed: when Odoo cannot create it.
    """
    from tests.odoo_server import Cluster

    digest = hashlib.sha256(
        SEED.read_bytes() + str(installed.source).encode() + str(installed.postgres).encode()
    ).hexdigest()

    def make(place: Path) -> None:
        with Cluster(installed) as cluster:
            options = [*cluster.options, "--data-dir", str(place / "files"), "--no-http", "-d", TEMPLATE]
            environment = {**os.environ, **installed.odoo_environment}
            _run(
                installed.odoo(*options, "-i", MODULES, "--without-demo", "--stop-after-init", "--log-level=warn"),
                env=environment,
            )
            shell = installed.odoo("shell", *options, "--log-level=error", "--shell-interface=python")
            output = _run(shell, env=environment, stdin=SEED.read_text())
            (key,) = (line.split()[-1] for line in output.split("\n") if "api-key" in line)
            (place / "key").write_text(key)
            cluster.stop()
            shutil.copytree(cluster.data, place / "cluster", ignore=shutil.ignore_patterns("postmaster.pid"))

    with _locked(installed.base):
        try:
            return _once(installed.base / f"seed-{digest[:12]}", make)
        except (OSError, subprocess.SubprocessError) as error:
            raise InstallationFailed(_summary(error)) from error


def _run(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> str:
    done = subprocess.run(
        command, check=True, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=900
    )
    return done.stdout


def _summary(error: Exception) -> str:
    output = getattr(error, "stderr", None) or getattr(error, "stdout", None) or str(error)
    last = [line for line in str(output).strip().split("\n") if line.strip()][-3:]
    return f"{type(error).__name__}: {' '.join(last)}"


if __name__ == "__main__":
    seed(installation())
