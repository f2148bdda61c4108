"""Check of PUBLIC_URL: its host answers, with a valid certificate, and is this installation."""

from __future__ import annotations

from collections.abc import Iterator

import redis
import requests

from webhook_kit.kit import Kit
from webhook_kit.operations.checks.certificates import certificate_problem
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.storage.installation import installation_id
from webhook_kit.web import fetch

__all__ = ["check_public_url"]

_SECONDS = 5.0
_LIMIT = 65_536

_FIRST = "at the first deployment it does not answer yet; otherwise check the address, and that the web process runs"


def check_public_url(kit: Kit) -> Iterator[CheckFinding]:
    """Yield what keeps Gett from reaching the webhooks. Nothing is an error: before the first deployment nothing answers."""
    url = kit.settings.public_url
    if url is None:
        what = "is not set, so that it is not checked if Gett can reach the webhooks, and no store can be onboarded"
        yield CheckFinding(CheckSeverity.INFO, "public_url", "PUBLIC_URL", f"PUBLIC_URL {what}")
        return
    try:
        alive = fetch("GET", f"{url}/healthz", seconds=_SECONDS, limit=_LIMIT)
        ready = fetch("GET", f"{url}/readyz", seconds=_SECONDS, limit=_LIMIT)
    except (requests.RequestException, OSError) as error:
        yield _unreachable(url, error)
        return
    if alive.status_code != requests.codes.ok:
        yield _warning(f"{url}/healthz answers {alive.status_code}", _FIRST)
        return
    try:
        own = installation_id(kit.redis, kit.keys)
    except redis.RedisError:
        return
    if ready.status_code != requests.codes.ok:
        yield _warning(f"the web process answers, but is not ready ({ready.status_code})", "look at its log")
    elif _installation(ready) != own:
        yield _warning(
            "another program, or another installation, answers at this address",
            "correct the address; or give all processes the same REDIS_URL and KEY_PREFIX",
        )


def _installation(response: requests.Response) -> object:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("installation") if isinstance(body, dict) else None


def _unreachable(url: str, error: Exception) -> CheckFinding:
    if problem := certificate_problem(error):
        return _warning(f"Gett will refuse the certificate of this address, because it {problem[0]}", problem[1])
    return _warning(f"{url} cannot be reached from here", _FIRST)


def _warning(what: str, advice: str) -> CheckFinding:
    return CheckFinding(CheckSeverity.WARNING, "public_url", "PUBLIC_URL", what, advice)
