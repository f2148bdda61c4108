"""The rules and the dashboard under ``contrib``: checked by promtool, and about metrics that exist."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from webhook_kit.metrics.definitions import METRICS
from webhook_kit.metrics.recorder import HistogramMetric
from webhook_kit.operations.gauges import GAUGES
from webhook_kit.testing.processes import PATIENCE

CONTRIB = Path(__file__).parents[2] / "contrib"
RULES = CONTRIB / "prometheus" / "rules.yml"
DASHBOARD = json.loads((CONTRIB / "grafana" / "dashboard.json").read_text())


def promtool(*arguments: str) -> str:
    """Run promtool. CI has it (`make debian`)."""
    if shutil.which("promtool") is None:
        if os.environ.get("CI"):
            pytest.fail("promtool is not installed: CI=1 make debian")
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    ran = subprocess.run(
        ["promtool", *arguments], check=False, capture_output=True, text=True, timeout=PATIENCE, cwd=RULES.parent
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


def groups() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
    return found


def alerts() -> set[str]:
    return {rule["alert"] for group in groups() for rule in group["rules"] if "alert" in rule}


def expressions() -> Iterator[str]:
    for group in groups():
        yield from (rule["expr"] for rule in group["rules"])
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def known_series() -> dict[str, set[str]]:
    """Return the labels of each series that a scrape has."""
    series = {gauge.name: {gauge.label} - {""} for gauge in GAUGES}
    for metric in METRICS:
        if isinstance(metric, HistogramMetric):
            series[f"{metric.name}_bucket"] = {*metric.labels, "le"}
            series[f"{metric.name}_sum"] = series[f"{metric.name}_count"] = set(metric.labels)
        else:
            series[metric.name] = set(metric.labels)
    return series


def test_promtool_accepts_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", "rules.yml")


def test_the_rules_alert_as_expected() -> None:
    assert "SUCCESS" in promtool("test", "rules", "rules_test.yml")


def test_each_alert_has_a_test_and_says_what_to_do() -> None:
    tests = yaml.safe_load((RULES.parent / "rules_test.yml").read_text())["tests"]
    expected = {case["alertname"] for test in tests for case in test.get("alert_rule_test", []) if "exp_alerts" in case}
    assert expected == alerts()
    for group in groups():
        for rule in group["rules"]:
            if "alert" in rule:
                assert set(rule["annotations"]) == {"summary", "description", "runbook"}
                assert rule["labels"]["severity"] in ("critical", "warning", "info")


def test_each_alert_names_a_section_of_the_runbook() -> None:
    page = (CONTRIB.parent / "docs" / "runbook.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| \[(\w+)\]\(#(\w+)\) \|$", page, re.MULTILINE)
    assert {(name, severity, f"docs/runbook.md#{anchor}") for name, severity, _, anchor in rows} == {
        (rule["alert"], rule["labels"]["severity"], rule["annotations"]["runbook"])
        for group in groups()
        for rule in group["rules"]
        if "alert" in rule
    }
    headings = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert {(section, anchor) for _, _, section, anchor in rows} <= {(each, each.lower()) for each in headings}


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_is_about_metrics_that_exist(expression: str) -> None:
    recorded = {rule["record"] for group in groups() for rule in group["rules"] if "record" in rule}
    series = known_series()
    names = set(re.findall(r"webhook_kit[\w:]*", expression))
    assert names
    assert names - recorded <= set(series)
    for name, selectors in re.findall(r"(webhook_kit\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selectors)) <= series[name], name


def test_values_of_labels_in_expressions_exist() -> None:
    values = {value for metric in METRICS for allowed in metric.labels.values() for value in allowed}
    values |= {value for gauge in GAUGES for value in gauge.values}
    used = {value for expression in expressions() for value in re.findall(r'=\s*"(\w+)"', expression)}
    assert used
    assert used <= values


def test_the_dashboard_has_what_grafana_needs() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "time", "templating"} <= set(DASHBOARD)
    assert [variable["type"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["type"] in ("timeseries", "stat")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert [target["refId"] for target in panel["targets"]] == ["A", "B"][: len(panel["targets"])]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & taken
        taken |= cells
