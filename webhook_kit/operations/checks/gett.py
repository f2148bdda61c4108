"""Check of Gett's API: it is reachable, and accepts each key. It costs one small read per key."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from webhook_kit.errors import (
    GettError,
    GettNotFound,
    GettRateLimited,
    GettRejected,
    GettUnauthorized,
    GettUnavailable,
    GettUnreachable,
)
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import http_date
from webhook_kit.kit import Kit
from webhook_kit.operations.checks.certificates import certificate_problem
from webhook_kit.operations.checks.finding import CheckFinding, CheckSeverity
from webhook_kit.storage.clock import TOLERANCE, clock_difference

__all__ = ["check_gett"]

_CONNECT, _READ = 3.0, 5.0
"""Seconds at most: a release phase has to end."""

_NO_STORE = str(UUID(int=0))
"""Id that no store has: asking for it is answered 404 as soon as the key is accepted."""


def check_gett(kit: Kit) -> Iterator[CheckFinding]:
    """Yield what is wrong with Gett's address, with a key, or with this host's clock."""
    keys = kit.settings.api_keys()
    refused: list[CheckFinding] = []
    for number, key in enumerate(keys, 1):
        which = f"key {number} of {len(keys)}" if len(keys) > 1 else "the key"
        differences: list[float] = []
        finding = _ask(kit, key, which, differences)
        if finding is not None and finding.code == "gett_key":
            refused.append(finding)
        elif finding is not None:
            yield finding
        if number == 1 and differences and abs(differences[0]) > TOLERANCE:
            what = clock_difference(differences[0], "Gett")
            yield CheckFinding(CheckSeverity.WARNING, "clock", "", what, "correct it")
        if finding is not None and finding.code != "gett_key":
            yield from refused
            return  # the same for every key
    if len(refused) < len(keys):  # during a rotation Gett knows one of two keys, and every call is made again with it
        advice = "remove it when the rotation is over"
        refused = [replace(finding, severity=CheckSeverity.WARNING, advice=advice) for finding in refused]
    yield from refused


def _ask(kit: Kit, key: str, which: str, differences: list[float]) -> CheckFinding | None:
    def on_response(_status: int, headers: Mapping[str, str]) -> None:
        if (gett_time := http_date(headers.get("Date", ""))) is not None:
            differences.append(time.time() - gett_time)

    url = kit.settings.gett_api_url
    client = GettClient(url, [key], connect_timeout=_CONNECT, read_timeout=_READ, on_response=on_response)
    try:
        client.store_status(_NO_STORE)
    except GettNotFound:
        return None
    except GettUnauthorized as error:
        advice = "get a valid one from Gett's portal; is it of the sandbox, or of production, as GETT_API_URL is?"
        return CheckFinding(
            CheckSeverity.ERROR, "gett_key", "GETT_API_KEY", f"Gett refuses {which} ({error.status})", advice
        )
    except GettUnreachable as error:
        return _unreachable(error)
    except GettRateLimited:
        what = "Gett asks to wait (429), so that the key is not checked"
        return CheckFinding(CheckSeverity.INFO, "gett_unknown", "GETT_API_KEY", what)
    except GettUnavailable as error:
        what = f"Gett answers with an error of its own ({error.status})"
        return CheckFinding(
            CheckSeverity.WARNING, "gett_unavailable", "GETT_API_URL", what, "look at Gett's status page"
        )
    except GettRejected as error:
        what = f"the answer is not that of Gett's API ({error.status})"
        return CheckFinding(CheckSeverity.ERROR, "gett_address", "GETT_API_URL", what, "correct the address")
    except GettError as error:
        return CheckFinding(CheckSeverity.WARNING, "gett_unavailable", "GETT_API_URL", str(error))
    return None


def _unreachable(error: GettUnreachable) -> CheckFinding:
    if problem := certificate_problem(error):
        what = f"the certificate of Gett's address {problem[0]}"
        advice = f"correct the address; if a proxy of yours is in between: {problem[1]}"
        return CheckFinding(CheckSeverity.ERROR, "gett_certificate", "GETT_API_URL", what, advice)
    advice = "check the address and the network; if they are right, sending starts by itself when Gett is back"
    return CheckFinding(
        CheckSeverity.WARNING, "gett_unreachable", "GETT_API_URL", "Gett cannot be reached from here", advice
    )
