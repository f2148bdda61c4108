"""The files of examples/platforms, and the processes that each platform starts from them."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

__all__ = [
    "PLATFORMS",
    "READERS",
    "ROOT",
    "Instruction",
    "PlatformProcess",
    "Section",
    "containerfile",
    "env_file",
    "load_toml",
    "load_yaml",
    "procfile",
    "unit",
    "units",
]

ROOT = Path(__file__).parents[2]
PLATFORMS = ROOT / "examples" / "platforms"
SYSTEMD = PLATFORMS / "systemd"

Section = dict[str, list[str]]
"""Values of each directive of a section of a unit, in order."""


@dataclass(frozen=True)
class PlatformProcess:
    """A process that a platform starts.

    :ivar name: as in the Procfile; or ``redis``, or ``metrics``.
    :ivar command: program and arguments.
    :ivar env: variables that the file gives to the process.
    :ivar grace: seconds between the signal and the end by force; None when the process ends by itself.
    """

    name: str
    command: list[str]
    env: Mapping[str, str] = field(default_factory=dict)
    grace: float | None = None


# -- reading -----------------------------------------------------------------------------------------------------------


def load_yaml(name: str) -> Any:
    return yaml.safe_load((PLATFORMS / name).read_text(encoding="utf-8"))


def load_toml(name: str) -> dict[str, Any]:
    return tomllib.loads((PLATFORMS / name).read_text(encoding="utf-8"))


def procfile() -> dict[str, str]:
    """Return the command lines of the Procfile by their names, with the one that is a comment."""
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    found = (re.fullmatch(r"(?:# )?(\w+): (webhook-kit .*)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def env_file() -> dict[str, str]:
    """Return the variables of ``settings.env``."""
    lines = (PLATFORMS / "settings.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def unit(text: str) -> dict[str, Section]:
    """Return the sections of a unit of systemd.

    :raises ValueError: a line that systemd would ignore with a warning.
    """
    sections: dict[str, Section] = {}
    section: Section | None = None
    for line in text.splitlines():
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if match := re.fullmatch(r"\[(\w+)\]", line):
            section = sections.setdefault(match[1], {})
        elif section is not None and (match := re.fullmatch(r"(\w+)=(.*)", line)):
            section.setdefault(match[1], []).append(match[2])
        else:
            raise ValueError(f"neither section nor assignment: {line!r}")
    return sections


def units() -> dict[str, dict[str, Section]]:
    """Return the units with their drop-ins by their file names; the drop-in applies to those with its prefix."""
    common = unit((SYSTEMD / "webhook-kit-.service.d" / "common.conf").read_text(encoding="utf-8"))
    found = {}
    for path in sorted(SYSTEMD.glob("webhook-kit*.*")):
        if path.is_file():
            sections = unit(path.read_text(encoding="utf-8"))
            for name, section in common.items() if path.name.startswith("webhook-kit-") else ():
                sections[name] = sections.get(name, {}) | section
            found[path.name] = sections
    return found


@dataclass(frozen=True)
class Instruction:
    """An instruction of a Containerfile.

    :ivar stage: number of the stage; -1 before the first.
    :ivar options: such as ``from`` of ``COPY --from=build``.
    """

    stage: int
    name: str
    value: str
    options: Mapping[str, str]

    @property
    def exec_form(self) -> list[str] | None:
        """Program and arguments; None for the form that needs a shell."""
        match = re.search(r"\[.*\]$", self.value)
        return json.loads(match[0]) if match else None


def containerfile() -> list[Instruction]:
    """Return the instructions of the Containerfile."""
    text = re.sub(r"^#.*\n", "", (PLATFORMS / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    stage, found = -1, []
    for line in filter(None, re.sub(r"\\\n\s*", "", text).splitlines()):
        name, rest = line.split(maxsplit=1)
        options = {}
        while match := re.match(r"--([\w-]+)=(\S+)\s+", rest):
            options[match[1]] = match[2]
            rest = rest[match.end() :]
        stage += name == "FROM"
        found.append(Instruction(stage, name, rest, options))
    return found


# -- processes ---------------------------------------------------------------------------------------------------------


def _render() -> Iterator[PlatformProcess]:
    for service in load_yaml("render.yaml")["services"]:
        if service["type"] == "keyvalue":
            continue
        name = service["name"].removeprefix("webhook-kit-")
        # Render names the port.
        yield PlatformProcess(
            name, shlex.split(service["startCommand"]), {"PORT": "10000"}, float(service["maxShutdownDelaySeconds"])
        )
        if before := service.get("preDeployCommand"):
            yield PlatformProcess("release", shlex.split(before))


def _fly() -> Iterator[PlatformProcess]:
    app = load_toml("fly.toml")
    yield PlatformProcess("release", shlex.split(app["deploy"]["release_command"]), app["env"])
    for name, line in app["processes"].items():
        yield PlatformProcess(name, shlex.split(line), app["env"], float(app["kill_timeout"]))


def _compose() -> Iterator[PlatformProcess]:
    for name, service in load_yaml("compose.yaml")["services"].items():
        command = service["command"]
        yield PlatformProcess(
            name,
            shlex.split(command) if isinstance(command, str) else command,
            service.get("environment", {}),
            None if name == "release" else float(service["stop_grace_period"].removesuffix("s")),
        )


def _systemd() -> Iterator[PlatformProcess]:
    for name, sections in units().items():
        if not name.endswith(".service"):
            continue
        service = sections["Service"]
        (line,) = service["ExecStart"]
        once = service["Type"] == ["oneshot"]
        env = dict(each.replace("%i", "8000").split("=", 1) for each in service.get("Environment", []))
        kind = name.removeprefix("webhook-kit-").removesuffix(".service").removesuffix("@")
        yield PlatformProcess(
            "release" if kind == "check" else kind,
            shlex.split(line),
            env,
            None if once else float(service["TimeoutStopSec"][0]),
        )


def _image() -> Iterator[PlatformProcess]:
    (command,) = [each.exec_form for each in containerfile() if each.name == "CMD"]
    assert command is not None
    yield PlatformProcess("web", command, {"PORT": "8000"}, 30.0)  # docs/platforms.md: --stop-timeout 30


READERS = {"render": _render, "fly": _fly, "compose": _compose, "systemd": _systemd, "image": _image}
