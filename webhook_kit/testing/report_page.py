"""The certificate as a page of its own: no script, no address of anybody else's, fit to print."""

from __future__ import annotations

from html import escape
from itertools import groupby

from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult

__all__ = ["page"]

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1f }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; text-transform: capitalize; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; vertical-align: top; padding: .35rem .6rem;
border-top: 1px solid #dcdce2 } td:first-child { width: 8rem; font-weight: 600 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; background: #f4f4f7; padding: .5rem; margin: .4rem 0 0 }
p { margin: .2rem 0 } .quiet { color: #62626c } .good td:first-child, .certified { color: #14703a }
.bad td:first-child, .refused { color: #b3261e } .known td:first-child { color: #8a5a00 }
.left td { color: #62626c }
"""
_CLASSES = {
    RuleOutcome.PASSED: "good",
    RuleOutcome.FAILED: "bad",
    RuleOutcome.MISSING: "bad",
    RuleOutcome.SKIPPED: "left",
    RuleOutcome.KNOWN: "known",
}


def page(certificate: ConformanceReport) -> str:
    """The whole page."""
    said, how = ("Certified", "certified") if certificate.passed else ("Not certified", "refused")
    counts = ", ".join(
        f"{certificate.count(verdict)} {verdict}" for verdict in RuleOutcome if certificate.count(verdict)
    )
    parts = "".join(
        f"<h2>{escape(part)}</h2>\n<table>\n{''.join(map(_row, findings))}</table>\n"
        for part, findings in groupby(certificate.findings, lambda finding: finding.part)
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(certificate.subject)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(certificate.subject)}</h1>\n"
        f'<p><strong class="{how}">{said}</strong>: {counts}</p>\n'
        f'<p class="quiet">webhook-kit {escape(certificate.kit)}, {escape(certificate.at)}</p>\n'
        f"{_matrix(certificate)}{parts}</body>\n</html>\n"
    )


def _matrix(certificate: ConformanceReport) -> str:
    if not certificate.capabilities:
        return ""
    heads = "".join(f"<th>{escape(name)}</th>" for name in certificate.capabilities)
    cells = "".join(f"<td>{escape(value)}</td>" for value in certificate.capabilities.values())
    return f"<h2>Capabilities</h2>\n<table>\n<tr>{heads}</tr>\n<tr>{cells}</tr>\n</table>\n"


def _row(finding: RuleResult) -> str:
    more = ""
    if not finding.verdict.good:
        more = f"<p>Protects: {escape(finding.protects)}</p><p>To do: {escape(finding.remedy)}</p>"
    if finding.why:
        more += f"<pre>{escape(finding.why)}</pre>"
    verdict = finding.verdict
    return (
        f'<tr class="{_CLASSES[verdict]}"><td>{escape(verdict)}</td><td title="{escape(finding.name)}">'
        f"{escape(finding.sentence)}{more}</td></tr>\n"
    )
