"""The conformance report: its conclusion, its JSON and its HTML page."""

from __future__ import annotations

from html.parser import HTMLParser

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
    assert "Capabilities\nquote\nguarantee\nsupported\nnative" in page.text
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
