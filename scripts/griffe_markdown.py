"""Extension of griffe for the site: docstrings, written in reStructuredText as Python's are, turned into Markdown."""

from __future__ import annotations

import re
from textwrap import dedent, indent
from typing import Any

import griffe

import webhook_kit

__all__ = ["DocstringsAsMarkdown", "markdown"]

_ROLE = re.compile(r":[a-z]+:`~?([\w.]+)`")
_CODE = re.compile(r"^( *)(.*?):?:\n\n((?:\1 +\S.*\n?|\n)+)", re.MULTILINE)


class DocstringsAsMarkdown(griffe.Extension):
    """Turns every docstring into Markdown before mkdocstrings renders it."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the docstring of an object that griffe has loaded."""
        if obj.docstring:
            obj.docstring.value = markdown(obj.docstring.value)


def markdown(text: str) -> str:
    """Return a docstring with roles as links or code, and with literal blocks as fenced ones."""
    return _ROLE.sub(_linked, _CODE.sub(_fenced, text))


def _linked(role: re.Match[str]) -> str:
    name = role[1].rpartition(".")[2] if role[1].startswith("webhook_kit.") else role[1]
    return f"[`{name}`][webhook_kit.{name}]" if name.partition(".")[0] in webhook_kit.__all__ else f"`{name}`"


def _fenced(block: re.Match[str]) -> str:
    margin, lead, code = block.groups()
    lead = f"{margin}{lead}:\n\n" if lead else ""
    return lead + indent(f"```python\n{dedent(code).strip()}\n```\n\n", margin)
