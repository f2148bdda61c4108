"""Graphs of the last 24 hours."""

from __future__ import annotations

from flask import Blueprint, render_template

from webhook_kit.console.charts import draw
from webhook_kit.console.context import console
from webhook_kit.operations.series import Graph, all_series

__all__ = ["register"]

_TITLES = {
    Graph.ORDERS: ("Orders", "orders placed, and refused by code, in five minutes"),
    Graph.WEBHOOK_LATENCY: (
        "Answers to Gett",
        "time until a webhook is answered: half of them, and 95 of 100, are faster",
    ),
    Graph.POS_LATENCY: ("Calls of the POS", "time until the POS answers: half of the calls, and 95 of 100, are faster"),
    Graph.QUOTA: ("Quota of Gett", "writes in a minute, and Gett's limit"),
    Graph.WAITING: ("Waiting", "orders, stores and catalogs with an update that waits to be sent"),
}


def register(pages: Blueprint) -> None:
    """Add the page."""

    @pages.get("/graphs")
    def graphs() -> str:
        kit = console().kit
        drawn = [(series.graph, *_TITLES[series.graph], draw(series)) for series in all_series(kit)]
        return render_template("graphs.html", graphs=drawn, active="graphs")
