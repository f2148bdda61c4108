"""Runs a vendor's contract class: ``python -m webhook_kit.testing.certify module:Class FILE`` writes the report to the file.

pytest runs in a separate process without the vendor's pytest configuration, which must not influence the result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from webhook_kit.adapter import Capability, PosAdapter
from webhook_kit.errors import ConfigurationError
from webhook_kit.stores.adapters import add_cwd_to_sys_path
from webhook_kit.testing.report import ConformanceReport, RuleOutcome, RuleResult

if TYPE_CHECKING:  # pytest has to import it first, so that its assertions get rewritten
    from webhook_kit.testing.contract import AdapterContract

__all__ = ["certify", "main"]

_OPTIONS = ("-q", "--no-header", "--tb=line", "-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:randomly")
_MAX_DETAIL = 2000


def certify(spec: str) -> ConformanceReport:
    """Run all rules for the contract class ``module:Class``.

    :raises ConfigurationError: when there is no such class.
    """
    module, _, name = spec.partition(":")
    plugin = _ReportPlugin(spec)
    # The test is collected from the vendor's file, because the fixtures there belong to the class, with any class name.
    location = ["--rootdir", str(Path.cwd()), "--confcutdir", str(Path.cwd()), "-o", f"python_classes={name}"]
    pytest.main([*_OPTIONS, *location, f"{_file(spec, module)}::{name}"], plugins=[plugin])
    if plugin.error is not None:
        raise plugin.error
    return plugin.report()


def main() -> None:
    """Run the command."""
    spec, file = sys.argv[1:]
    try:
        report = certify(spec)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent process reads it
        sys.exit(2)
    Path(file).write_text(json.dumps(report.to_dict(), ensure_ascii=False), encoding="utf-8")


class _ReportPlugin:
    """A pytest plugin that records the outcome of each rule."""

    def __init__(self, spec: str) -> None:
        self.error: ConfigurationError | None = None
        self._spec = spec
        self._not_run = "pytest did not run it"
        self._outcomes: dict[str, tuple[RuleOutcome, str]] = {}

    def pytest_sessionstart(self) -> None:
        """Find the class before pytest does, so that an error is one line."""
        try:
            self._contract = _contract_class(self._spec)
        except ConfigurationError as error:
            self.error = error
            pytest.exit("there is nothing to certify")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Record the reason if the class cannot be collected."""
        if not report.passed:
            self._not_run = _shortened(_skip_reason(report.longrepr) or report.longreprtext)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Record the outcome of a rule. A failure of set-up or clean-up counts as a failure of the rule."""
        report = yield
        if report.when == "call" or not report.passed:
            earlier = self._outcomes.get(item.name)
            if earlier is None or earlier[0].acceptable:
                self._outcomes[item.name] = _outcome(report, item)
        return report

    def report(self) -> ConformanceReport:
        """Return the report with the results of all rules, including those that were not run."""
        from webhook_kit.testing.contract.rules import rules

        missing = RuleOutcome.MISSING, self._not_run
        results = tuple(
            RuleResult(name, rule.part, rule.statement, rule.protects, rule.remedy, *self._outcomes.get(name, missing))
            for name, rule in rules(self._contract).items()
        )
        adapter = self._contract.adapter
        return ConformanceReport(f"{adapter.__name__} ({self._spec})", results, _matrix_row(adapter))


def _file(spec: str, module: str) -> str:
    add_cwd_to_sys_path()
    try:
        module_spec = find_spec(module)
    except Exception as error:
        raise ConfigurationError(f"{spec}: importing {module} failed: {error!r}") from error
    if module_spec is None or module_spec.origin is None:
        raise ConfigurationError(
            f"{spec}: the module {module} was not found; run the command in the directory that contains it"
        )
    return module_spec.origin


def _contract_class(spec: str) -> type[AdapterContract]:
    from webhook_kit.testing.contract import AdapterContract

    module_name, _, name = spec.partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:
        raise ConfigurationError(f"{spec}: importing {module_name} failed: {error!r}") from error
    contract = getattr(module, name, None)
    if not (isinstance(contract, type) and issubclass(contract, AdapterContract)):
        raise ConfigurationError(
            f"{spec}: {name or 'the class'} is not a subclass of webhook_kit.testing.contract.AdapterContract; "
            "name the class of your contract tests, not the adapter"
        )
    if not hasattr(contract, "adapter"):
        raise ConfigurationError(f"{spec}: {name} does not set the adapter to be tested; add: adapter = …")
    return contract


def _outcome(report: pytest.TestReport, item: pytest.Item) -> tuple[RuleOutcome, str]:
    expected_failure = getattr(report, "wasxfail", None)
    if report.skipped and expected_failure is not None:
        return RuleOutcome.KNOWN, expected_failure
    if report.passed:
        return RuleOutcome.PASSED, ""
    if report.skipped:
        reasons = [str(value) for name, value in item.user_properties if name == "contract-skip"]
        if reasons:
            return RuleOutcome.SKIPPED, reasons[0]
        return RuleOutcome.MISSING, f"it was skipped, but not by the contract: {_skip_reason(report.longrepr)}"
    return RuleOutcome.FAILED, _failure_message(report)


def _failure_message(report: pytest.TestReport) -> str:
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return _shortened(crash.message if crash is not None else report.longreprtext)


def _skip_reason(longrepr: object) -> str:
    """Return the reason of a skip, which pytest reports as file, line and reason."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else ""


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_DETAIL else f"{text[:_MAX_DETAIL]} …"


def _matrix_row(adapter: type[PosAdapter]) -> dict[str, str]:
    levels = {capability.value: adapter.level(capability).value for capability in Capability}
    return {**levels, "guarantee": adapter.guarantee().value}


if __name__ == "__main__":
    main()
