"""Reasons for which a certificate is not accepted, and what to do."""

from __future__ import annotations

import re

__all__ = ["certificate_problem"]

_FAILED = re.compile(r"CERTIFICATE_VERIFY_FAILED\]? ?(?:certificate verify failed: )?(?P<reason>[^()]*)")

_PROBLEMS = (
    (re.compile(r"has expired"), "has expired", "renew it"),
    (re.compile(r"not yet valid"), "is not valid yet", "correct the clock of this host, or wait"),
    (
        re.compile(r"mismatch|doesn't match|not valid for"),
        "was issued for another host name",
        "use the name for which it was issued",
    ),
    (
        re.compile(r"self.signed", re.IGNORECASE),
        "is self-signed",
        "use one of a public authority, or name its authority in a file: SSL_CERT_FILE and REQUESTS_CA_BUNDLE",
    ),
    (
        re.compile(r"local issuer|issuer certificate"),
        "was issued by an authority that this host does not know",
        "send the whole chain, or name the authority in a file: SSL_CERT_FILE and REQUESTS_CA_BUNDLE",
    ),
)


def certificate_problem(error: BaseException) -> tuple[str, str] | None:
    """Return what is wrong with a certificate and what to do; None if the error is about something else."""
    match = _FAILED.search(_texts(error))
    if match is None:
        return None
    for pattern, problem, advice in _PROBLEMS:
        if pattern.search(match["reason"]):
            return problem, advice
    return f"is not accepted ({match['reason'].strip()})", "replace it"


def _texts(error: BaseException) -> str:
    texts, seen = [], set[int]()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        texts.append(str(current))
        current = current.__cause__ or current.__context__
    return "\n".join(texts)
