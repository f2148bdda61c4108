"""``/__sandbox/…``: what people and tests use to look into this Gett and to steer it. No part of the protocol."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from webhook_kit.gett.models.base import UtcTime
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.sandbox.faults import Fault
from webhook_kit.sandbox.http import read, room
from webhook_kit.sandbox.options import Options
from webhook_kit.sandbox.problems import Problem
from webhook_kit.sandbox.state import Kept
from webhook_kit.sandbox.world import Saved, World

__all__ = ["blueprint"]

_LONGEST_WAIT = 30.0


class _Time(Kept):
    now: UtcTime | None = None
    speed: float | None = None
    advance: float | None = None


def blueprint(world: World) -> Blueprint:
    """The calls of the control room."""
    calls = _Control(world)
    return room(
        "control",
        "/__sandbox",
        {
            "GET /orders": calls.updates,
            "GET /log": calls.log,
            "GET /faults": calls.faults,
            "POST /faults": calls.add_faults,
            "PUT /faults": calls.replace_faults,
            "GET /clock": calls.clock,
            "POST /clock": calls.set_clock,
            "GET /options": calls.options,
            "PATCH /options": calls.change_options,
            "GET /state": calls.state,
            "PUT /state": calls.load,
        },
    )


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world

    def updates(self) -> Response:
        return jsonify(updates=[update.to_data() for update in self._world.ledger.updates()])

    def log(self) -> Response:
        wait = min(_number("wait", 0.0), _LONGEST_WAIT)
        return jsonify(entries=self._world.log.after(int(_number("after", 0)), wait=wait))

    def faults(self) -> Response:
        return jsonify(faults=[rule.to_data() for rule in self._world.faults.rules()])

    def add_faults(self) -> Response:
        self._world.faults.add(*_faults())
        return self.faults()

    def replace_faults(self) -> Response:
        self._world.faults.replace(_faults())
        return self.faults()

    def clock(self) -> Response:
        return jsonify(now=self._world.clock.now().isoformat(), speed=self._world.clock.speed)

    def set_clock(self) -> Response:
        wanted = read(_Time)
        self._world.clock.set(now=wanted.now, speed=wanted.speed)
        if wanted.advance:
            self._world.clock.advance(wanted.advance)
        return self.clock()

    def options(self) -> Response:
        return jsonify(self._world.options.to_data())

    def change_options(self) -> Response:
        changes = read(Options)
        with self._world.lock:
            self._world.options = self._world.options.model_copy(
                update={name: getattr(changes, name) for name in changes.model_fields_set}
            )
        return self.options()

    def state(self) -> Response:
        return jsonify(self._world.save().to_data())

    def load(self) -> Response:
        self._world.load(read(Saved))
        return self.state()


def _faults() -> list[Fault]:
    """A rule, ``{"faults": [rule, …]}``, or ``{"statuses": [503, …]}``: the next calls are answered with these, one each."""
    body = request.get_json(force=True, silent=True)
    if isinstance(body, dict) and "statuses" in body:
        statuses = body["statuses"]
        if not isinstance(statuses, list) or not all(isinstance(s, int) and 400 <= s <= 599 for s in statuses):
            raise Problem(ErrorCode.INVALID_REQUEST, "statuses must be a list of HTTP statuses from 400 to 599")
        return [Fault(kind="status", status=status, times=1) for status in statuses]
    if isinstance(body, dict) and "faults" in body:
        return read(_Rules).faults
    return [read(Fault)]


class _Rules(Kept):
    faults: list[Fault]


def _number(name: str, default: float) -> float:
    given: Any = request.args.get(name, default)
    try:
        return float(given)
    except ValueError:
        raise Problem(ErrorCode.INVALID_REQUEST, f"?{name}= must be a number") from None
