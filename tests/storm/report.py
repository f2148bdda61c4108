"""Report of a storm."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.storm.evidence import Story
from tests.storm.storm import Storm
from webhook_kit.storage.connection import text

__all__ = ["print_report"]

_SHOWN = 10
"""Orders whose timelines are printed."""


def print_report(storm: Storm) -> int:
    """Print the report; its last line is JSON. Return the exit status."""
    watch = storm.watch
    broken = {key: lines for key, lines in watch.complaints.items() if lines}
    failed = bool(broken or storm.violations)
    if failed:
        _print_failure(storm, broken)
    figures = _figures(storm, len(broken))
    for name, by_kind in (("orders", figures["orders_again"]), ("updates", figures["updates_again"])):
        print(f"s until {name} go through again after        number    min  median     p90     max")
        for kind, each in sorted(by_kind.items()):
            spans = "  ".join(f"{each[name]:6.2f}" for name in ("minimum", "median", "p90", "maximum"))
            print(f"  {kind:40} {each['count']:6.0f}  {spans}")
    print(json.dumps(figures))
    return int(failed)


def _figures(storm: Storm, broken: int) -> dict[str, Any]:
    watch, stories = storm.watch, list(storm.watch.evidence.by_key.values())
    orders = {kind: each.to_data() for kind, each in storm.recovery.distributions(watch.accepted).items()}
    updates = {kind: each.to_data() for kind, each in storm.recovery.distributions(watch.delivered).items()}
    return {
        "seed": storm.options.seed,
        "seconds": storm.options.seconds,
        "orders": len(stories),
        "accepted": sum(story.accepted is True for story in stories),
        "refused": sum(story.accepted is False for story in stories),
        "undecided": sum(story.accepted is None for story in stories),
        "deliveries": sum(len(story.attempts) for story in stories),
        "updates": len(watch.delivered),
        "settled_by_a_person": storm.person.settled,
        "not_ordered": storm.customers.given_up,
        "alerts": storm.alerts,
        "console": storm.visitor.answers,
        "keys": _keys(storm),
        "size": _sizes(storm),
        "redis_connections": max(storm.samples.connections, default=0),
        "faults": len(storm.happened),
        "orders_again": orders,
        "updates_again": updates,
        "broken_orders": broken,
        "violations": storm.violations,
    }


def _keys(storm: Storm) -> dict[str, int]:
    """Return the number of keys in Redis by the first word of their names."""
    names = (text(key) for key in storm.installation.kit.redis.scan_iter(count=1000))
    return dict(sorted(Counter(":".join(name.split(":")[:2]) for name in names).items()))


def _sizes(storm: Storm) -> dict[str, dict[str, list[int]]]:
    """Return the most and the last of memory (MB), threads and files, by process."""
    found: dict[str, dict[str, list[int]]] = {}
    for sample in storm.samples.taken:
        sizes = found.setdefault(sample.name, {"MB": [0, 0], "threads": [0, 0], "files": [0, 0]})
        for name, value in (("MB", sample.memory // 1_000_000), ("threads", sample.threads), ("files", sample.files)):
            sizes[name] = [max(sizes[name][0], value), value]
    return found


def _print_failure(storm: Storm, broken: dict[str, list[str]]) -> None:
    print(f"\nseed {storm.options.seed} FAILED; logs: {storm.options.directory}")
    for happened in storm.happened:
        print(f"  {_moment(happened.begin)} – {_moment(happened.end)}  {happened.fault.kind} {happened.detail}")
    for line in storm.violations:
        print(f"  {line}")
    for key, lines in list(broken.items())[:_SHOWN]:
        story = storm.watch.evidence.by_key.get(key)
        print(f"\n{'; '.join(lines)}")
        if story is not None:
            _print_story(storm, story)
    if len(broken) > _SHOWN:
        print(f"… and {len(broken) - _SHOWN} more orders")


def _print_story(storm: Storm, story: Story) -> None:
    print(f"  {story.store} key {story.key} order {story.order_id} accepted {story.accepted}")
    lines = [
        (each.began, f"delivery until {_moment(each.ended)}: {each.status} {str(each.answer)[:300]}")
        for each in story.attempts
    ]
    lines += [(each.at, f"update {each.step}: {each.status}") for each in story.updates]
    lines += [(each.created, f"ticket {each.id} {each.status} {each.state} {each.amounts}") for each in story.tickets]
    lines += [
        (each.began, f"POS {each.kind} until {_moment(each.ended)}: {each.outcome}")
        for each in storm.watch.evidence.calls(story.order_id)
    ]
    for at, line in sorted(lines):
        print(f"  {_moment(at)}  {line}")
    print(storm.installation.cli("order", "show", story.order_id or story.key))


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
