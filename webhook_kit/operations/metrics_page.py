"""Page of the web server that Prometheus reads: ``/metrics``, for those who know a token."""

from __future__ import annotations

from hmac import compare_digest

from flask import Blueprint, Response, request

from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.kit import Kit

__all__ = ["metrics_page"]


def metrics_page(kit: Kit) -> Blueprint:
    """Create the blueprint of ``/metrics``; without METRICS_TOKEN there is no such page."""
    blueprint = Blueprint("metrics", __name__)
    expected = [f"Bearer {token.get_secret_value()}".encode() for token in kit.settings.metrics_token]

    @blueprint.get("/metrics")
    def metrics() -> Response:
        if not expected:
            raise Problem(ErrorCode.NOT_FOUND, "METRICS_TOKEN is not set, so that no metrics are served here")
        sent = request.headers.get("Authorization", "").encode()
        if not sum(compare_digest(sent, each) for each in expected):  # no short cut: each token takes the same time
            raise Problem(ErrorCode.UNAUTHENTICATED, "send METRICS_TOKEN as a Bearer token")
        from webhook_kit.operations.prometheus import CONTENT_TYPE, exposition  # here: few installations scrape

        return Response(exposition(kit), content_type=CONTENT_TYPE)

    return blueprint
