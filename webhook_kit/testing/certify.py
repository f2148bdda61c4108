"""Runs a vendor's contract class: ``python -m webhook_kit.testing.certify module:Class FILE``, the report goes into the file.

A pytest in a process of its own, with none of the project's own settings: they must not decide what is certified.
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

if TYPE_CHECKING:  # pytest has to import it first, or its assertions say nothing
    from webhook_kit.testing.contract import AdapterContract

__all__ = ["certify", "main"]

_OPTIONS = ("-q", "--no-header", "--tb=line", "-c", "/dev/null", "-p", "no:cacheprovider", "-p", "no:randomly")
_LONGEST = 2000


def certify(spec: str) -> ConformanceReport:
    """Run all rules against the contract class that ``module:Class`` names.

    :raises ConfigurationError: when there is no such class.
    """
    module, _, name = spec.partition(":")
    watcher = _Watcher(spec)
    # From the vendor's own file, because its fixtures belong to the class, whatever the class is called.
    here = ["--rootdir", str(Path.cwd()), "--confcutdir", str(Path.cwd()), "-o", f"python_classes={name}"]
    pytest.main([*_OPTIONS, *here, f"{_file(spec, module)}::{name}"], plugins=[watcher])
    if watcher.mistake is not None:
        raise watcher.mistake
    return watcher.certificate()


def main() -> None:
    """What the command runs."""
    spec, file = sys.argv[1:]
    try:
        certificate = certify(spec)
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201 - whoever started this process reads it
        sys.exit(2)
    Path(file).write_text(json.dumps(certificate.to_dict(), ensure_ascii=False), encoding="utf-8")


class _Watcher:
    """A pytest plugin that notes what becomes of each rule."""

    def __init__(self, spec: str) -> None:
        self.mistake: ConfigurationError | None = None
        self._spec = spec
        self._never = "something keeps pytest from running it"
        self._verdicts: dict[str, tuple[RuleOutcome, str]] = {}

    def pytest_sessionstart(self) -> None:
        """Find the class before pytest does: what is wrong with it is said in one line."""
        try:
            self._contract = _find(self._spec)
        except ConfigurationError as error:
            self.mistake = error
            pytest.exit("there is nothing to certify")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """What keeps the whole class from being run."""
        if not report.passed:
            self._never = _short(_reason(report.longrepr) or report.longreprtext)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note it; a failure in setting up or cleaning up is one, too."""
        report = yield
        if report.when == "call" or not report.passed:
            before = self._verdicts.get(item.name)
            verdict = _verdict(report, item)
            if before is None or before[0].good:
                self._verdicts[item.name] = verdict
        return report

    def certificate(self) -> ConformanceReport:
        """What came out; a rule that was never run is not forgotten."""
        from webhook_kit.testing.contract.rules import rules

        never = RuleOutcome.MISSING, self._never
        findings = tuple(
            RuleResult(name, rule.part, rule.sentence, rule.protects, rule.remedy, *self._verdicts.get(name, never))
            for name, rule in rules(self._contract).items()
        )
        adapter = self._contract.adapter
        return ConformanceReport(f"{adapter.__name__} ({self._spec})", findings, _matrix_row(adapter))


def _file(spec: str, module: str) -> str:
    add_cwd_to_sys_path()
    try:
        found = find_spec(module)
    except Exception as error:
        raise ConfigurationError(f"{spec}: importing {module} failed: {error!r}") from error
    if found is None or found.origin is None:
        raise ConfigurationError(
            f"{spec}: there is no module {module}; modules are looked for in the current directory, too"
        )
    return found.origin


def _find(spec: str) -> type[AdapterContract]:
    from webhook_kit.testing.contract import AdapterContract

    module_name, _, name = spec.partition(":")
    try:
        module = import_module(module_name)
    except Exception as error:
        raise ConfigurationError(f"{spec}: importing {module_name} failed: {error!r}") from error
    found = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, AdapterContract)):
        raise ConfigurationError(
            f"{spec}: {name or 'nothing'} is no subclass of webhook_kit.testing.contract.AdapterContract; "
            "name the class of your contract tests, not the adapter"
        )
    if not hasattr(found, "adapter"):
        raise ConfigurationError(f"{spec}: {name} does not say which adapter it proves: adapter = …")
    return found


def _verdict(report: pytest.TestReport, item: pytest.Item) -> tuple[RuleOutcome, str]:
    expected = getattr(report, "wasxfail", None)
    if report.skipped and expected is not None:
        return RuleOutcome.KNOWN, expected
    if report.passed:
        return RuleOutcome.PASSED, ""
    if report.skipped:
        reasons = [str(value) for name, value in item.user_properties if name == "contract-skip"]
        if reasons:
            return RuleOutcome.SKIPPED, reasons[0]
        return RuleOutcome.MISSING, f"it was skipped from outside the contract: {_reason(report.longrepr)}"
    return RuleOutcome.FAILED, _why(report)


def _why(report: pytest.TestReport) -> str:
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    return _short(crash.message if crash is not None else report.longreprtext)


def _reason(longrepr: object) -> str:
    """Of a skip, which pytest tells as file, line and reason."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"


def _matrix_row(adapter: type[PosAdapter]) -> dict[str, str]:
    levels = {capability.value: adapter.level(capability).value for capability in Capability}
    return {**levels, "one ticket rests on": adapter.guarantee().value}


if __name__ == "__main__":
    main()
