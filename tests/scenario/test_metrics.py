"""Metrics and traces of real processes: counters add up to what was sent, whichever process is asked, stopped or killed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.parser import text_string_to_metric_families

from tests.scenario.restaurant_env import Order, RestaurantEnv, run_concurrently
from webhook_kit.metrics.flush import FLUSH_INTERVAL
from webhook_kit.testing.processes import PATIENCE, wait_until
from webhook_kit.testing.signer import signed
from webhook_kit.testing.stack import SECRET

TOKEN = "scrape-me"
WEBHOOKS, PLACEMENTS = "webhook_kit_webhooks_total", "webhook_kit_placements_total"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

Samples = dict[tuple[str, ...], float]


def scrape(restaurant: RestaurantEnv, web: int = 0) -> Samples:
    """Return the samples of a scrape of one web process."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = session.get(f"{restaurant.stack.urls[web]}/metrics", headers=headers, timeout=PATIENCE)
    assert response.status_code == 200
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def webhooks(samples: Samples) -> dict[str, float]:
    """Return the number of webhooks by call and outcome."""
    counts: dict[str, float] = {}
    for (name, *labels), value in samples.items():
        if name == WEBHOOKS:
            call, _, outcome = labels
            counts[f"{call} {outcome}"] = counts.get(f"{call} {outcome}", 0) + value
    return counts


def test_counters_add_up_over_all_processes(tmp_path: Path) -> None:
    env = {"METRICS_TOKEN": TOKEN, "HEALTH_CHECK_INTERVAL": "1"}
    with RestaurantEnv(tmp_path, env=env, web=2, worker=True) as restaurant:
        orders = [Order("both", ("cola",)) for _ in range(12)]
        unknown = [Order("both", ("cola",)) for _ in range(4)]
        scrapes: list[Samples] = []

        def deliver(number: int) -> None:
            web = number % 2
            restaurant.validate(orders[number], web=web)
            assert restaurant.place(orders[number], web=web).status == 200
            assert restaurant.place(orders[number], web=1 - web).status == 200
            scrapes.append(scrape(restaurant, web))

        run_concurrently(deliver, range(len(orders)))
        for number, order in enumerate(unknown):
            nobody: dict[str, Any] = {"cart": {"storeId": order.gett_id, "lineItems": []}}
            assert restaurant.place(order, web=number % 2, **nobody).status == 404

        expected = {
            "validateOrder valid": 12,
            "placeOrder placed": 12,
            "placeOrder replayed": 12,
            "placeOrder refused": 4,
        }
        wait_until(lambda: webhooks(scrape(restaurant)) == expected, message=f"the counters {expected}")
        first, second = scrape(restaurant, 0), scrape(restaurant, 1)
        assert webhooks(first) == webhooks(second) == expected
        assert first[PLACEMENTS, "placed"] == 12
        assert first["webhook_kit_webhook_duration_seconds_count", "placeOrder"] == 28
        for earlier in scrapes:
            assert all(count <= expected[name] for name, count in webhooks(earlier).items())

        # The push worker and the sync worker count, too.
        wait_until(lambda: scrape(restaurant).get(("webhook_kit_sends_total", "order", "sent")) == 12)
        wait_until(lambda: scrape(restaurant).get(("webhook_kit_health_checks_total", "success"), 0) > 0)
        now = scrape(restaurant)
        assert now["webhook_kit_up",] == 1
        assert now["webhook_kit_updates_total", "sent"] == 12
        assert now["webhook_kit_gett_request_duration_seconds_count", "order", "2xx"] == 12
        assert now["webhook_kit_lanes_waiting", "ready"] == 0
        assert now["webhook_kit_worker_last_sign_age_seconds", "push"] < PATIENCE
        assert scrape(restaurant)[PLACEMENTS, "placed"] == 12


def test_a_stopped_process_loses_nothing_and_a_killed_one_the_last_seconds(tmp_path: Path) -> None:
    with RestaurantEnv(tmp_path, env={"METRICS_TOKEN": TOKEN}, web=2) as restaurant:

        def placed() -> float:
            return scrape(restaurant, 1).get((PLACEMENTS, "placed"), 0.0)

        assert restaurant.place(Order("both", ("cola",))).status == 200
        restaurant.stack.web[0].terminate()
        assert placed() == 1

        restaurant.start(0)
        for _ in range(3):
            assert restaurant.place(Order("both", ("cola",))).status == 200
        wait_until(lambda: placed() == 4, message="the orders to be counted")
        began = time.monotonic()
        assert restaurant.place(Order("both", ("cola",))).status == 200
        restaurant.kill(0)
        fast = time.monotonic() - began < FLUSH_INTERVAL
        assert placed() in ((4, 5) if fast else (5,))

        restaurant.start(0)
        assert restaurant.place(Order("both", ("cola",))).status == 200
        wait_until(lambda: placed() in (5, 6), message="the next order to be counted")


class Collector:
    """OpenTelemetry collector that keeps all spans, with the name of their service."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []

    @contextmanager
    def serve(self) -> Iterator[str]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector._take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()

    def _take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            attributes = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans.extend((attributes["service.name"], span) for span in scope.spans)

    def named(self, name: str) -> list[tuple[str, Any]]:
        return [(service, span) for service, span in self.spans if span.name == name]


def test_a_trace_leads_from_the_webhook_to_the_push_in_another_process(tmp_path: Path) -> None:
    collector = Collector()
    with collector.serve() as address:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "NO_PROXY": "127.0.0.1",
        }
        with RestaurantEnv(tmp_path, env=env, worker=True) as restaurant:
            order = Order("both", ("cola",))
            body = restaurant.body(order)
            headers = {**signed(body, SECRET, key=order.key), "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
            with requests.Session() as session:
                session.trust_env = False
                response = session.post(f"{restaurant.stack.urls[0]}/placeOrder", data=body, headers=headers)
            assert response.status_code == 200
            restaurant.await_confirmation(order)
            wait_until(lambda: collector.named("push order") and collector.named("POST /placeOrder"))
            wait_until(lambda: collector.named("sync_catalog"), message="a span of the sync worker")
            [(web, webhook)] = collector.named("POST /placeOrder")
            [(push, sent)] = collector.named("push order")
            assert (web, push) == ("webhook-kit-web", "webhook-kit-push")
            assert collector.named("sync_catalog")[0][0] == "webhook-kit-sync"
            assert webhook.trace_id.hex() == TRACE
            assert [link.trace_id.hex() for link in sent.links] == [TRACE]
            assert sent.trace_id.hex() != TRACE
            [(_, call)] = collector.named("pos place_order")
            assert (call.trace_id.hex(), call.parent_span_id) == (TRACE, webhook.span_id)
