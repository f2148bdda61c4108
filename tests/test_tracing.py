"""Traces, with the SDK's exporter in memory: what is traced, what a trace links, and that a failing SDK changes nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from tests.executed_lines import executed_lines
from tests.webhooks.webhook_client import WebhookClient, order
from webhook_kit import tracing
from webhook_kit.errors import GettPermanent
from webhook_kit.testing.processes import PATIENCE

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


class Spans:
    """Spans that have ended."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()

    def all(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def named(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.all() if span.name == name]
        return found


def trace_id(span: ReadableSpan) -> str:
    return f"{span.context.trace_id:032x}"


@pytest.fixture
def trace_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Spans]:
    def start(sampler: Sampler | None = None, processor: SpanProcessor | None = None) -> Spans:
        spans = Spans()
        provider = TracerProvider(sampler=sampler, shutdown_on_exit=False)
        provider.add_span_processor(processor or SimpleSpanProcessor(spans.exporter))
        monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("test"))
        monkeypatch.setattr(tracing, "_failed", False)
        return spans

    return start


@pytest.fixture
def spans(trace_with: Callable[..., Spans]) -> Spans:
    return trace_with()


def test_a_placed_order_is_one_trace(client: WebhookClient, spans: Spans) -> None:
    placed = client.validated(order())
    spans.exporter.clear()
    assert client.place(placed, headers={"traceparent": TRACEPARENT}).status_code == 200
    assert {span.name for span in spans.all()} == {
        "POST /placeOrder",
        "pos quote",
        "claim",
        "pos place_order",
        "settle",
    }
    assert {trace_id(span) for span in spans.all()} == {TRACE}
    webhook, call = spans.named("POST /placeOrder"), spans.named("pos place_order")
    assert f"{webhook.parent.span_id:016x}" == "00f067aa0ba902b7"  # type: ignore[union-attr]
    assert call.parent.span_id == webhook.context.span_id  # type: ignore[union-attr]
    assert spans.named("settle").parent.span_id == call.context.span_id  # type: ignore[union-attr]
    assert dict(webhook.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/placeOrder",
        "http.response.status_code": 200,
        "webhook_kit.outcome": "placed",
        "webhook_kit.order": placed["gettOrderId"],
        "webhook_kit.store": "main",
        "webhook_kit.gett_store": placed["cart"]["storeId"],
    }
    assert dict(call.attributes or {}) == {"webhook_kit.store": "main"}


def test_a_trace_id_that_gett_gets_is_that_of_the_span(client: WebhookClient, spans: Spans) -> None:
    problem = client.place(order("ghost")).json
    assert problem["traceId"] == trace_id(spans.named("POST /placeOrder"))
    spans.exporter.clear()
    invalid = client.validate(order("ghost")).json
    assert invalid["traceId"] == trace_id(spans.named("POST /validateOrder"))


def test_an_invalid_traceparent_is_no_parent(client: WebhookClient, spans: Spans) -> None:
    client.deliver("validateOrder", order(), {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01"})
    assert spans.named("POST /validateOrder").parent is None


def test_a_push_links_to_the_trace_of_its_order(client: WebhookClient, spans: Spans) -> None:
    client.place(client.validated(order()), headers={"traceparent": TRACEPARENT})
    [lease] = client.kit.lanes.lease(1, 60_000).leases
    client.kit.dispatcher._send_and_log(lease)
    push = spans.named("push order")
    assert push.parent is None
    assert [f"{link.context.trace_id:032x}" for link in push.links] == [TRACE]
    assert (push.attributes or {})["webhook_kit.lane"] == lease.lane


def test_a_push_that_gett_refuses_has_its_status(client: WebhookClient, spans: Spans) -> None:
    client.place(client.validated(order()))
    [lease] = client.kit.lanes.lease(1, 60_000).leases
    error = GettPermanent("not this way", status=422)
    with patch.object(client.kit.dispatcher, "_deliver", side_effect=error):
        client.kit.dispatcher.send(lease)
    attributes = dict(spans.named("push order").attributes or {})
    assert attributes["http.response.status_code"] == 422
    assert attributes["error.type"] == "422"
    assert "not this way" not in spans.named("push order").to_json()


def test_an_update_without_tracing_has_no_traceparent(client: WebhookClient) -> None:
    client.place(client.validated(order()))
    [lease] = client.kit.lanes.lease(1, 60_000).leases
    assert lease.traceparent is None


def test_a_merged_update_keeps_the_newer_traceparent(client: WebhookClient, spans: Spans) -> None:
    placed = client.validated(order())
    client.place(placed)
    with tracing.span("progress") as progress:
        traceparent = progress.traceparent
        client.kit.order_updates.progress(placed["gettOrderId"], "ready")
    [lease] = client.kit.lanes.lease(1, 60_000).leases
    assert lease.traceparent == traceparent


def test_a_failure_has_the_type_of_the_error_and_no_text(client: WebhookClient, spans: Spans) -> None:
    with pytest.raises(ValueError), tracing.span("work"):
        raise ValueError("jo@example.org")
    failed = spans.named("work")
    assert (failed.attributes or {})["error.type"] == "ValueError"
    assert "jo@example.org" not in failed.to_json()
    assert not failed.events


def test_spans_have_no_contact_data(client: WebhookClient, spans: Spans) -> None:
    person = {"firstName": "Jo", "lastName": "Doe-Secret", "phone": "+15550001111", "email": "jo@example.org"}
    client.place({**client.validated(order()), "customer": person})
    text = "".join(span.to_json() for span in spans.all())
    assert spans.all()
    for secret in ("Doe-Secret", "5550001111", "jo@example.org"):
        assert secret not in text


def test_a_text_from_outside_can_be_exported(spans: Spans) -> None:
    with tracing.span("work") as span:
        span.set(order="a\ud83d" + 1_000 * "b", store=None)
    attributes = dict(spans.named("work").attributes or {})
    assert attributes == {"webhook_kit.order": "a?" + 198 * "b"}


def test_threads_do_not_share_spans(spans: Spans) -> None:
    with tracing.span("outer"):
        thread = threading.Thread(target=lambda: tracing.span("in a thread").end())
        thread.start()
        thread.join(PATIENCE)
        assert tracing.current_traceparent() is not None
    assert spans.named("in a thread").parent is None
    assert tracing.current_traceparent() is None


class _Broken(SpanProcessor):
    def on_start(self, *_: object, **__: object) -> None:
        raise OSError("on_start")

    def on_end(self, *_: object) -> None:
        raise OSError("on_end")


class _BrokenAtEnd(SpanProcessor):
    def on_end(self, *_: object) -> None:
        raise OSError("on_end")


class _BrokenSampler(Sampler):
    def should_sample(self, *_: object, **__: object) -> Any:
        raise RuntimeError("sampler")

    def get_description(self) -> str:
        return "broken"


@pytest.mark.parametrize(
    "broken",
    [{"processor": _Broken()}, {"processor": _BrokenAtEnd()}, {"sampler": _BrokenSampler()}],
    ids=["start and end", "end", "sampler"],
)
def test_a_failing_sdk_changes_no_answer(
    make_client: Callable[..., WebhookClient],
    trace_with: Callable[..., Spans],
    broken: dict[str, Any],
    events: list[dict[str, Any]],
) -> None:
    client = make_client()
    trace_with(**broken)
    for _ in range(2):
        response = client.place(client.validated(order()))
        assert response.status_code == 200
    assert [event["event"] for event in events].count("span_not_recorded") == 1
    [lease, _] = client.kit.lanes.lease(2, 60_000).leases
    client.kit.dispatcher._send_and_log(lease)


def test_without_tracing_a_span_costs_next_to_nothing() -> None:
    def use() -> None:
        with tracing.span("a", parent=None) as active:
            active.set(order="a")

    assert executed_lines(use) < 20


PROCESS = """
import sys
from webhook_kit import tracing
assert "opentelemetry" not in sys.modules
tracing.start_tracing("webhook-kit-web")
tracing.start_tracing("webhook-kit-web")
print("opentelemetry" in sys.modules)
with tracing.span("work") as span:
    print(span.trace_id or "off")
from opentelemetry import trace
print(getattr(trace.get_tracer_provider(), "resource", None) and trace.get_tracer_provider().resource.attributes["service.name"])
"""
WITHOUT = """
import sys
for name in ("opentelemetry", "opentelemetry.trace"): sys.modules[name] = None
from webhook_kit import tracing
tracing.start_tracing("web")
with tracing.span("work") as span:
    print(span.trace_id or "off")
"""


def run(code: str, **variables: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    command = [sys.executable, "-c", code]
    ran = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=PATIENCE, env={**environment, **variables}
    )
    return ran.stdout.splitlines()


def test_a_process_is_traced_if_the_address_of_a_collector_is_set() -> None:
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    assert run(PROCESS) == ["False", "off", "None"]
    _, traced, service = run(PROCESS, **collector)[:3]
    assert re.fullmatch(r"[0-9a-f]{32}", traced)
    assert service == "webhook-kit-web"
    assert run(PROCESS, **collector, OTEL_SERVICE_NAME="mine")[2] == "mine"
    assert run(PROCESS, **collector, OTEL_SDK_DISABLED="true")[:2] == ["False", "off"]


OWN = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
from webhook_kit import tracing
tracing.start_tracing("web")
with tracing.span("work") as span:
    print(len(span.trace_id))
"""


def test_a_provider_of_the_process_is_used() -> None:
    assert run(OWN) == ["32"]


def test_without_the_extra_a_process_runs_and_says_so() -> None:
    assert run(WITHOUT) == ["off"]
    lines = run(WITHOUT, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert lines[-1] == "off"
    assert "pip install webhook-kit[otel]" in lines[0]
