"""A real Odoo 19 and a PostgreSQL for it, unpacked from Debian's packages into a cache: nothing is installed on the machine.

``python -m tests.installing`` (in ``adapters/odoo``) fetches what the tests need. The second run finds it all in the cache:
``$XDG_CACHE_HOME/webhook_kit_odoo``, by default ``~/.cache/…``, for root ``/var/cache/…`` (PostgreSQL runs as somebody else, who
has to be able to read it).
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

__all__ = ["Installation", "Unobtainable", "installation", "seed"]

HERE = Path(__file__).parent
CONSTRAINTS = HERE / "odoo-constraints.txt"
SEED = HERE / "seed.py"
PACKAGE = "odoo-19"
KNOWN = "9d2f598b0555db17e291d48ed24df184c70823c053c4c5ed53c467ca7f629bbf"  # 19.0.0+dfsg-1
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NOT_NEEDED = ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances")
MODULES = "pos_restaurant,pos_self_order,base_automation"
TEMPLATE = "restaurant"
"""The database that every test's own is copied from."""


class Unobtainable(Exception):
    """What the tests need cannot be had on this machine, and why."""


@dataclass(frozen=True)
class Installation:
    """Where everything is.

    :ivar source: the directory that holds the Python package ``odoo``.
    :ivar python: an interpreter with everything that Odoo imports.
    :ivar postgres: the directory of PostgreSQL's programs.
    :ivar libraries: the directory of the libraries that came with them; None when they are the machine's own.
    :ivar base: the cache itself.
    """

    source: Path
    python: Path
    postgres: Path
    libraries: Path | None
    base: Path

    def as_server(self, *command: str) -> list[str]:
        """A program of PostgreSQL's as a user that it accepts: it refuses root."""
        program, *arguments = command
        full = [str(self.postgres / program), *arguments]
        if os.getuid() != 0:
            return full
        user = server_user()
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *full]

    @property
    def environment(self) -> Mapping[str, str]:
        """What PostgreSQL's programs need to find."""
        return {"LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else {}

    def odoo(self, *arguments: str) -> list[str]:
        """Odoo's command line."""
        return [str(self.python), "-m", "odoo", *arguments]

    @property
    def odoo_environment(self) -> Mapping[str, str]:
        """What Odoo needs to find; its many deprecation warnings are its own business."""
        return {"PYTHONPATH": str(self.source), "PYTHONWARNINGS": "ignore"}


def server_user() -> pwd.struct_passwd:
    """Whom PostgreSQL runs as when the tests run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unobtainable("PostgreSQL refuses to run as root, and there is no user 'postgres' or 'nobody'")


@cache
def installation() -> Installation:
    """Everything, fetched first where it is not there yet.

    :raises Unobtainable: when it cannot be had.
    """
    if not sys.platform.startswith("linux") or not shutil.which("apt-get"):
        raise Unobtainable("Odoo and PostgreSQL come from Debian's packages: this needs a Debian with apt-get")
    base = _base()
    with _alone(base):
        try:
            source = _once(base / f"odoo-{KNOWN[:12]}", _unpack_odoo)
            digest = hashlib.sha256(CONSTRAINTS.read_bytes() + platform.python_version().encode()).hexdigest()
            environment = _once(base / f"python-{digest[:12]}", _make_environment)
            programs, libraries = _postgres(base)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unobtainable(_explained(error)) from error
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
def _alone(base: Path) -> Iterator[None]:
    with (base / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _once(place: Path, make: object) -> Path:
    """A directory that is either whole or not there."""
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
        raise Unobtainable(f"Debian has {package.name} now: the adapter is written for Odoo 19.0")
    if hashlib.sha256(package.read_bytes()).hexdigest() != KNOWN:
        sys.stderr.write(f"note: {package.name} is newer than the build that these tests were written with\n")
    unpacking = f"dpkg-deb --fsys-tarfile {package.name} | tar -x --no-same-owner --exclude='*/i18n/*'"
    _run(["sh", "-c", unpacking], cwd=place)
    package.unlink()
    shutil.rmtree(place / "apt")


def _make_environment(place: Path) -> None:
    _run([sys.executable, "-m", "venv", str(place)])
    python = str(place / "bin/python")
    _run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(CONSTRAINTS)])


def _mirror() -> str:
    """The Debian mirror of this machine's own configuration."""
    release = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    targets = _run(["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)"]).split("\n")
    for target in targets:
        name, _, address = target.partition(" ")
        if name == release and address.rstrip("/").endswith("/debian"):
            return address
    raise Unobtainable("apt is not configured with a Debian mirror")


def _signed() -> str:
    return f"[signed-by={KEYRING}] " if KEYRING.exists() else ""


def _private_apt(place: Path, sources: str | None = None) -> list[str]:
    """``apt-get`` with directories of its own; it knows what is installed, and changes nothing."""
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
    """PostgreSQL's programs: the machine's own, else unpacked from its packages."""
    found = shutil.which("initdb")
    programs = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if programs and (programs[-1] / "postgres").exists():
        return programs[-1], None
    place = _once(base / "postgresql", _unpack_postgres)
    (programs_here,) = place.glob("usr/lib/postgresql/*/bin")
    (libraries,) = place.glob("usr/lib/*-linux-gnu")
    return programs_here, libraries


def _unpack_postgres(place: Path) -> None:
    apt = _private_apt(place / "apt")
    _run([*apt, "update"])
    lists = [*_cache_of(apt), "depends", *(f"--no-{kind}" for kind in _NOT_NEEDED)]
    named = _run([*lists, "postgresql"]).split()
    server = next(each for each in named if each.startswith("postgresql-") and each[-1].isdigit())
    # What the machine has is left out, and the rest unpacked: apt's own solver would want to mend the machine first.
    needed = {line for line in _run([*lists, "--recurse", server]).split("\n") if line[:1].isalnum()}
    have = set(_run(["dpkg-query", "--show", "--showformat", "${Package}\n"]).split()) - {server}
    _run([*apt, "download", *sorted(needed - have)], cwd=place)
    for archive in sorted(place.glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(archive), str(place)])
        archive.unlink()
    shutil.rmtree(place / "apt")


def _cache_of(apt: Sequence[str]) -> list[str]:
    return ["apt-cache", *(each for each in apt[1:] if each != "-qq")]


# -- the seed ----------------------------------------------------------------------------------------------------------


def seed(found: Installation) -> Path:
    """A stopped cluster with the database ``restaurant`` in it: ``cluster``, ``files`` and ``key``.

    :raises Unobtainable: when Odoo cannot make it.
    """
    from tests.odoo_server import Cluster

    digest = hashlib.sha256(SEED.read_bytes() + str(found.source).encode() + str(found.postgres).encode()).hexdigest()

    def make(place: Path) -> None:
        with Cluster(found) as cluster:
            options = [*cluster.options, "--data-dir", str(place / "files"), "--no-http", "-d", TEMPLATE]
            environment = {**os.environ, **found.odoo_environment}
            _run(
                found.odoo(*options, "-i", MODULES, "--without-demo", "--stop-after-init", "--log-level=warn"),
                env=environment,
            )
            shell = found.odoo("shell", *options, "--log-level=error", "--shell-interface=python")
            said = _run(shell, env=environment, given=SEED.read_text())
            (key,) = (line.split()[-1] for line in said.split("\n") if "api-key" in line)
            (place / "key").write_text(key)
            cluster.stop()
            shutil.copytree(cluster.data, place / "cluster", ignore=shutil.ignore_patterns("postmaster.pid"))

    with _alone(found.base):
        try:
            return _once(found.base / f"seed-{digest[:12]}", make)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unobtainable(_explained(error)) from error


def _run(
    command: list[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None, given: str | None = None
) -> str:
    done = subprocess.run(
        command, check=True, cwd=cwd, env=env, input=given, capture_output=True, text=True, timeout=900
    )
    return done.stdout


def _explained(error: Exception) -> str:
    said = getattr(error, "stderr", None) or getattr(error, "stdout", None) or str(error)
    last = [line for line in str(said).strip().split("\n") if line.strip()][-3:]
    return f"{type(error).__name__}: {' '.join(last)}"


if __name__ == "__main__":
    seed(installation())
