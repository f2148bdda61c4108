"""Texts of other systems as plain text in one language: without HTML, entities, control and bidirectional characters."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator, Mapping

from webhook_kit.catalog.check_texts import CONTROL_CHARACTERS
from webhook_kit.texts import well_formed

__all__ = ["clean_text"]

_BREAK = re.compile(r"</?(?:br|p|div|ul|ol|li|tr|h\d)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*>")
_PIECE = re.compile(r".{1,1000}(?=\s|\Z)|.{1,1000}", re.DOTALL)
"""Part of a text of at most 1,000 characters, which ends at a white space if it can: nothing combines with one."""
_MOST_ENCODINGS = 2  # &amp;amp; is what becomes of a text that two programs encoded
_LANGUAGE_KEYS = ("language", "lang", "locale", "@language")
_TEXT_KEYS = ("text", "value", "name", "translation", "@value")


def clean_text(value: object, *, language: str | None = None, lines: bool = False) -> str:
    """Return plain text: entities decoded, tags and control characters removed, white space combined, composed by NFC.

    :param value: a text; a mapping from languages to texts (also inside "translations"); or a list of objects with a language and a
        text. None is an empty text, as is what nests too deeply to be one, and a number its digits.
    :param language: the language to choose, such as "en" or "en-US": this one, else another region's, else the first.
    :param lines: keep line breaks, and those of HTML.
    """
    try:
        text = well_formed(_chosen(value, language))
    except RecursionError:
        return ""
    for _ in range(_MOST_ENCODINGS):
        text = html.unescape(text)
    text = _TAG.sub("", _BREAK.sub("\n", text))
    text = _composed(text).replace("\r\n", "\n").replace("\r", "\n")
    cleaned = (" ".join(_without_controls(line).split()) for line in text.split("\n"))
    return ("\n" if lines else " ").join(line for line in cleaned if line)


def _composed(text: str) -> str:
    """Return a text composed by NFC. Python takes quadratic time for a run of marks that combine, so a long text is composed in pieces."""
    return "".join(unicodedata.normalize("NFC", piece) for piece in _PIECE.findall(text))


def _without_controls(line: str) -> str:
    return CONTROL_CHARACTERS.sub("", line.replace("\t", " "))


def _chosen(value: object, language: str | None) -> str:
    if value is None:
        return ""
    if (
        isinstance(value, Mapping)
        and isinstance(value.get("text"), str)
        and not any(key in value for key in _LANGUAGE_KEYS)
    ):
        return str(value["text"])  # beside it are its kind or its format
    if isinstance(value, Mapping) and isinstance(value.get("translations"), Mapping | list):
        value = value["translations"]
    if not isinstance(value, Mapping | list | tuple):
        return str(value)
    texts = dict(_by_language(value))
    wanted = _normal(language or "")
    same = [name for name in texts if name.split("-")[0] == wanted.split("-")[0]]
    return texts[wanted] if wanted in texts else texts[same[0]] if same else next(iter(texts.values()), "")


def _by_language(value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        if any(key in value for key in _LANGUAGE_KEYS):
            value = [value]
        else:
            yield from ((_normal(str(name)), _chosen(text, None)) for name, text in value.items() if text)
            return
    for one in value if isinstance(value, list | tuple) else ():
        if isinstance(one, Mapping):
            name = next((str(one[key]) for key in _LANGUAGE_KEYS if one.get(key)), "")
            text = next((str(one[key]) for key in _TEXT_KEYS if one.get(key)), "")
            if text:
                yield _normal(name), text
        elif one:
            yield "", str(one)


def _normal(language: str) -> str:
    return language.replace("_", "-").lower()
