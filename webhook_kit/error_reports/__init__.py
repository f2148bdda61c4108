"""Reports of unexpected exceptions: to a function of the installation (``ERROR_REPORTER``), and to Sentry (``SENTRY_DSN``).

Every line that is logged with an exception is reported, so no place that catches an unexpected exception can forget it.
"""

from __future__ import annotations

from importlib import import_module

from webhook_kit import logs
from webhook_kit.error_reports.reporter import ErrorReporter, ErrorReports
from webhook_kit.errors import ConfigurationError
from webhook_kit.settings import Settings
from webhook_kit.stores.adapters import add_cwd_to_sys_path

__all__ = ["load_reporters", "start"]


def start(settings: Settings) -> None:
    """Report the unexpected exceptions of this process from now on. Call it in the process itself, not in its parent.

    :raises ConfigurationError: a reporter cannot be loaded.
    """
    reporters = load_reporters(settings)
    logs.on_exception(ErrorReports(reporters).submit if reporters else None)


def load_reporters(settings: Settings) -> list[ErrorReporter]:
    """Return the functions to which exceptions are reported.

    :raises ConfigurationError: one cannot be loaded.
    """
    reporters = []
    if settings.error_reporter:
        reporters.append(_load(settings.error_reporter))
    if settings.sentry_dsn:
        reporters.append(_sentry(settings.sentry_dsn.get_secret_value()))
    return reporters


def _load(spec: str) -> ErrorReporter:
    module, _, name = spec.partition(":")
    add_cwd_to_sys_path()
    try:
        reporter: object = getattr(import_module(module), name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"ERROR_REPORTER {spec!r}: {error!r}") from error
    if not callable(reporter):
        raise ConfigurationError(f"ERROR_REPORTER {spec!r}: {name} is not a function")
    return reporter


def _sentry(dsn: str) -> ErrorReporter:
    try:
        from webhook_kit.error_reports.sentry import SentryReporter
    except ImportError as error:
        raise ConfigurationError(
            "SENTRY_DSN is set, but sentry-sdk is not installed; install webhook-kit[sentry]"
        ) from error
    return SentryReporter(dsn).report
