"""Blocks and commands of README, docs pages, and READMEs of adapters and examples."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

__all__ = ["PAGES", "Block", "Command", "blocks", "commands", "inline_commands"]

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("adapters/*/README.md"),
        *ROOT.glob("examples/*/README.md"),
    ]
)
UUID = "7d0c6d1e-3f0a-4b7e-9a53-2b8f1c4e6a90"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. ``number`` counts the blocks of this language on the page."""

    page: str
    language: str
    number: int
    text: str


@dataclass(frozen=True)
class Command:
    """A line of a shell block, without its comment.

    :ivar env: variables that the block has exported before, and those in front of the command.
    """

    page: str
    line: str
    env: dict[str, str]

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def blocks() -> list[Block]:
    found: list[Block] = []
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        count: Counter[str] = Counter()
        for region in FencedCodeBlockLexer(r"[^\n]*")(Document(page.read_text(encoding="utf-8"), str(page))):
            language, text = region.lexemes["language"], region.lexemes["source"]
            found.append(Block(name, language, count[language], text))
            count[language] += 1
    return found


def commands() -> list[Command]:
    """Every command of every shell block; exports are part of the commands after them."""
    found = []
    for block in blocks():
        env: dict[str, str] = {}
        for text in block.text.replace("\\\n", " ").splitlines() if block.language == "sh" else ():
            for line in re.split(r" && ", re.sub(r"(^|\s)#.*", "", text).strip()):
                if line.startswith("export "):
                    env |= _variables(line.removeprefix("export "))
                elif stored := re.fullmatch(r"[A-Z_]+=\$\((.*)\)", line):
                    found.append(Command(block.page, stored[1], dict(env)))
                elif line:
                    front = re.match(r"((?:[A-Z_]+=(?:\$\(.*?\)|\S+) )*)(?=\S)", line)
                    assert front is not None
                    found.append(Command(block.page, line[front.end() :], env | _variables(front[1])))
        if env and not re.search("^webhook-kit", block.text, re.MULTILINE):
            found.append(Command(block.page, "webhook-kit check", env))  # a block of exports alone
    return found


def inline_commands() -> list[tuple[str, str]]:
    """Every command that a page names in its text, and every one that a message or docstring of the package names."""
    groups = "stores|outbox|order|catalog|worker|sandbox"
    found = []
    for page in PAGES:
        text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        spans = re.findall(rf"`((?:webhook-kit|(?:{groups}) [a-z])[^`\n]*)`", text)
        found += [(page.relative_to(ROOT).as_posix(), span.removeprefix("webhook-kit").strip()) for span in spans]
    for source in sorted((ROOT / "webhook_kit").rglob("*.py")):
        spans = re.findall(r"`webhook-kit ([a-z][^`\n]*)`", source.read_text(encoding="utf-8"))
        found += [(source.relative_to(ROOT).as_posix(), span) for span in spans]
    return found


def _variables(text: str) -> dict[str, str]:
    """Return assignments, with a value that fits in the place of each ``…``."""
    pairs = re.findall(r"""([A-Z_]+)=('[^']*'|\$\(.*?\)|\S*)""", text)
    values = {name: value.strip("'") for name, value in pairs}
    return {
        name: UUID
        if (name, value) == ("GETT_STORE_ID", "…")
        else value.replace("https://…", "https://pos.example").replace("…", "x" * 40)
        for name, value in values.items()
    }
