"""The conformance report: its conclusion, its JSON and its HTML page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Browser

from webhook_kit.adapter import Capability, Level
from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult


def result(outcome: RuleOutcome, detail: str = "", part: str = "placement") -> RuleResult:
    return RuleResult(
        f"test_{outcome.name.lower()}", part, f"{outcome} <b>rule</b>", "orders", "do it", outcome, detail
    )


REPORT = ConformanceReport(
    "Pos <x> (module:Class)",
    (
        *(result(each, "" if each is RuleOutcome.PASSED else "a <detail> & more") for each in RuleOutcome),
        result(RuleOutcome.PASSED, part="safety"),
    ),
    {"quote": "supported", "guarantee": "native"},
)


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += f"{data.strip()}\n" if data.strip() else ""


def test_a_report_passes_when_every_outcome_is_acceptable() -> None:
    acceptable = [RuleOutcome.PASSED, RuleOutcome.SKIPPED, RuleOutcome.KNOWN]
    assert ConformanceReport("x", tuple(map(result, acceptable))).passed
    for outcome in (RuleOutcome.FAILED, RuleOutcome.MISSING):
        assert not ConformanceReport("x", tuple(map(result, [*acceptable, outcome]))).passed
    assert not ConformanceReport("x", ()).passed


def test_json_can_be_read_back() -> None:
    assert ConformanceReport.from_dict(REPORT.to_dict()) == REPORT
    assert REPORT.to_dict()["passed"] is False


def test_the_page_contains_the_whole_report() -> None:
    page = Page(REPORT.to_html())
    assert page.text.count("Pos <x> (module:Class)") == 2
    assert "Not certified\n:\n2 passed, 1 failed, 1 skipped, 1 known failure, 1 not run" in page.text
    assert f"webhook-kit {REPORT.kit}, {REPORT.at}" in page.text
    assert "Capabilities\nquote\nsupported\nguarantee\nnative" in page.text
    assert "placement\npassed\npassed <b>rule</b>\nfailed\n" in page.text
    assert "safety\npassed\n" in page.text
    assert page.text.count("Protects: orders\nTo do: do it\na <detail> & more") == 2  # failed, and not run
    assert page.text.count("a <detail> & more") == 4


def test_the_page_escapes_text_and_has_no_scripts() -> None:
    page = Page(REPORT.to_html())
    assert not {"b", "x", "detail", "script", "link", "img"} & set(page.tags)


def test_the_page_of_an_endpoint_has_no_capabilities() -> None:
    page = Page(ConformanceReport("x", (result(RuleOutcome.PASSED),)).to_html())
    assert "Capabilities" not in page.text
    assert "Certified\n:\n1 passed" in page.text


CAPABILITIES = {
    "native_idempotency": "unsupported",
    "find_order": "supported",
    "quote": "tested",
    "parse_event": "unsupported",
    "guarantee": "look-up",
}
LINE = (
    "capabilities = {Capability.NATIVE_IDEMPOTENCY: Level.UNSUPPORTED, Capability.FIND_ORDER: Level.TESTED, "
    "Capability.QUOTE: Level.TESTED}"
)


def test_a_clean_report_has_the_line_that_declares_what_it_proves() -> None:
    outcomes = [RuleOutcome.PASSED, RuleOutcome.SKIPPED]
    report = ConformanceReport("x", tuple(map(result, outcomes)), CAPABILITIES)
    assert report.declaration == LINE
    assert LINE in Page(report.to_html()).text
    names: dict[str, Any] = {"Capability": Capability, "Level": Level}
    exec(LINE, names)
    assert names["capabilities"][Capability.QUOTE] is Level.TESTED


@pytest.mark.parametrize("outcome", [RuleOutcome.FAILED, RuleOutcome.MISSING, RuleOutcome.KNOWN])
def test_a_report_that_is_not_clean_proposes_nothing(outcome: RuleOutcome) -> None:
    assert ConformanceReport("x", (result(RuleOutcome.PASSED), result(outcome)), CAPABILITIES).declaration == ""


def test_nothing_is_proposed_that_is_declared_already() -> None:
    declared = {**CAPABILITIES, "find_order": "tested"}
    assert ConformanceReport("x", (result(RuleOutcome.PASSED),), declared).declaration == ""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_a_phone_and_is_readable_in_the_dark(browser: Browser, scheme: Any, width: int) -> None:
    """Nothing is wider than the screen, and every text contrasts with its background by 4.5 (WCAG AA)."""
    matrix = dict.fromkeys(map(str, Capability), "supported")
    long = RuleResult("t", "placement", "statement " * 20, "orders", "to do " * 20, RuleOutcome.FAILED, "x" * 500)
    report = ConformanceReport("Pos (a_very_long_module_name.tests:TestClass)", (*REPORT.results, long), matrix)
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_content(report.to_html())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(_CONTRAST) >= 4.5
    page.close()


_CONTRAST = """() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = channels(colour).map((c) => c / 255).map((c) => c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const back = (element) => {
    for (; element; element = element.parentElement) {
      const colour = getComputedStyle(element).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return Math.min(...[...document.body.querySelectorAll('*')].map((element) => {
    const [a, b] = [light(getComputedStyle(element).color), light(back(element))];
    return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  }));
}"""
