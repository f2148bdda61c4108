"""Settings that may be missing before an installation runs for the first time.

A platform runs the first release before anything can be configured: the button of Heroku deploys, and only then is there an
application whose settings a person can change. So a missing setting is a warning until a push worker, which needs them, has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import redis

from webhook_kit.kit import Kit
from webhook_kit.monitoring.worker_life import WorkerKind
from webhook_kit.operations.checks.finding import SETTING_MISSING, CheckFinding, CheckSeverity

__all__ = ["allow_missing_settings"]


def allow_missing_settings(kit: Kit, findings: Iterable[CheckFinding]) -> Iterator[CheckFinding]:
    """Yield the findings; missing settings as warnings, with what to do next, if this installation has never run."""
    findings = list(findings)
    missing = [finding.where for finding in findings if finding.code == SETTING_MISSING]
    if not missing or _has_run(kit, redis_missing="REDIS_URL" in missing):
        yield from findings
        return
    for finding in findings:
        yield replace(finding, severity=CheckSeverity.WARNING) if finding.code == SETTING_MISSING else finding
    what = "this installation has never run, so that this release passes without settings that are needed"
    advice = f"set {', '.join(missing)}, then run `webhook-kit check` again; once a push worker has run, it fails without them"
    yield CheckFinding(CheckSeverity.WARNING, "first_release", "", what, advice)


def _has_run(kit: Kit, *, redis_missing: bool) -> bool:
    if redis_missing:  # nobody can be asked; a person who has set one of the others has begun to configure
        settings = kit.settings
        return bool(settings.gett_api_key or settings.gett_webhook_secrets or settings.gett_webhook_authorization)
    try:
        return kit.worker_life.last_signs()[WorkerKind.PUSH].age is not None
    except redis.RedisError:
        return True
