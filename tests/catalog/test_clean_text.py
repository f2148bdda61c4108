from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhook_kit.catalog.check_texts import CONTROL_CHARACTERS
from webhook_kit.catalog.clean_text import clean_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Soup", "Soup"),
        (None, ""),
        (7, "7"),
        ("Chips &amp; <b>Salsa</b>", "Chips & Salsa"),
        ("Mac &amp;amp; cheese", "Mac & cheese"),
        ("&lt;i&gt;Pho&lt;/i&gt;", "Pho"),
        ("a < b <3 & R&D;", "a < b <3 & R&D;"),
        ("one<br/>two<p>three</p>", "one two three"),
        ("\u202eSoup\u202c\x00\x1b[2J\ufeff", "Soup[2J"),
        (" Soup\t\u00a0of \n the day ", "Soup of the day"),
        ("Cre\u0300me bru\u0302le\u0301e 🧑\u200d🍳", "Crème brûlée 🧑\u200d🍳"),
        ("<" * 1_000, "<" * 1_000),
    ],
)
def test_text_is_plain(text: object, clean: str) -> None:
    assert clean_text(text) == clean


def test_marks_that_combine_cost_the_same_in_a_long_text() -> None:
    marks = "\u0300\u0316" * 50_000  # Python composes such a text in quadratic time: in 8 s
    started = time.process_time()
    assert clean_text(f"e{marks}").startswith("\u00e8\u0316")
    assert time.process_time() - started < 3


@given(st.text(alphabet="e\u0301 \n", max_size=40), st.integers(0, 3_000))
def test_a_long_text_is_composed_as_a_short_one(text: str, length: int) -> None:
    words = "Cre\u0300me " * (length // 7)
    assert clean_text(words + text) == f"{'Crème ' * (length // 7)}{clean_text(text)}".strip()


def test_text_that_nests_too_deeply_is_empty() -> None:
    nested: object = "Soup"
    for _ in range(2_000):
        nested = {"en": nested}
    assert clean_text(nested) == clean_text([{"text": [nested]}]) == ""


def test_lines_of_a_description_are_kept() -> None:
    assert clean_text("one<br>two\r\n\r\n three <p>four</p>five", lines=True) == "one\ntwo\nthree\nfour\nfive"


@pytest.mark.parametrize("texts", [
    {"de": "Suppe", "en-US": "Soup"},
    {"de_DE": "Suppe", "en_us": "Soup"},
    {"translations": {"de": "Suppe", "en": "Soup"}},
    [{"language": "de", "text": "Suppe"}, {"language": "en", "text": "Soup"}],
    [{"@language": "de", "@value": "Suppe"}, {"@language": "en", "@value": "Soup"}],
    {"de": {"text": "Suppe", "format": "plain"}, "en": {"format": "plain", "text": "Soup"}},
    {"translations": [{"locale": "de", "name": "Suppe"}, {"locale": "en", "name": "Soup"}]},
])  # fmt: skip
def test_language_is_chosen(texts: object) -> None:
    assert clean_text(texts, language="en") == "Soup"
    assert clean_text(texts, language="en-US") == "Soup"
    assert clean_text(texts, language="DE") == "Suppe"
    assert clean_text(texts, language="fr") == clean_text(texts) == "Suppe"


def test_language_without_a_text_is_passed_over() -> None:
    assert clean_text({"en": "", "de": "Suppe"}, language="en") == "Suppe"
    assert clean_text({}) == clean_text([]) == clean_text({"translations": {}}) == ""


@given(st.text(alphabet=st.sampled_from("<>/&;#ab1 \n\u202e\x00"), max_size=30))
def test_clean_text_has_no_control_characters(text: str) -> None:
    assert not CONTROL_CHARACTERS.search(clean_text(text))
