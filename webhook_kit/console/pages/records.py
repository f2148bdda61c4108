"""Onboardings and the audit log."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from webhook_kit.console.context import console
from webhook_kit.console.pages.stores import PAGE, page_start
from webhook_kit.operations.audit import list_audit
from webhook_kit.operations.onboarding import read_onboardings

__all__ = ["register"]


def register(pages: Blueprint) -> None:
    """Add the pages."""
    pages.add_url_rule("/onboarding", "onboarding", _onboarding)
    pages.add_url_rule("/audit", "audit", _audit)


def _onboarding() -> str:
    page = read_onboardings(console().kit, start=page_start(), limit=PAGE)
    return render_template("onboarding.html", page=page, start=page_start(), size=PAGE, active="onboarding")


def _audit() -> str:
    args = request.args
    page = list_audit(
        console().kit,
        who=args.get("who") or None,
        action=args.get("action") or None,
        subject=args.get("subject") or None,
        cursor=args.get("cursor") or None,
    )
    return render_template("audit.html", page=page, active="audit")
