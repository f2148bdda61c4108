"""Compares what the kit decides about a cart with what the oracle decides."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

from tests.carts.oracle import Situation, Verdict, money
from webhook_kit.adapter import CatalogSet, PosAdapter, Store
from webhook_kit.catalog.check import Severity, check
from webhook_kit.catalog.compiled import CompiledCatalog
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.problems import Problem
from webhook_kit.placement import validation
from webhook_kit.placement.validation import OrderValidator, ValidationResult
from webhook_kit.publishing.catalog_cache import CachedCatalog
from webhook_kit.publishing.last_good import CurrentCatalog
from webhook_kit.webhooks.parsing import parse

Wire = dict[str, Any]
Decided = Counter[str]
"""A decision about a cart: one text for each complaint and price."""


class Comparison:
    """Compares carts one after the other. The catalog of the cart before is kept compiled."""

    def __init__(self) -> None:
        self._store = _OneStore()

    def difference(self, situation: Situation, order: Wire, verdict: Verdict) -> str:
        """Return what the kit decides otherwise than the oracle; empty if nothing."""
        try:
            by_kit = self._decide(situation, order)
        except Exception as error:  # noqa: BLE001 - whatever the kit raises is a difference
            return f"the kit raised {error!r}"
        return _difference(by_kit, _texts_of(verdict))

    def _decide(self, situation: Situation, order: Wire) -> Decided:
        """Let the kit decide in the way of a validateOrder: parse the body, check it, price it."""
        self._store.set(situation)
        try:
            parsed = parse(ExternalOrder, json.dumps(order).encode())
        except Problem as problem:
            texts = [_complaint(problem.code, each.json_path, each.item_id) for each in problem.errors]
            return Counter(texts or [_complaint(problem.code, None, None)])
        validator = OrderValidator(cast(Any, self._store), cast(Any, self._store), cast(Any, None))
        store = Store(
            "main",
            "",
            "",
            timezone=ZoneInfo(situation.zone),
            fulfillment_types=cast("frozenset[str] | None", situation.fulfillment_types),
        )
        with patch.object(validation, "datetime", Clock(situation.at)):
            result = validator.validate(parsed, store, deadline=0)
        return _texts_of_result(result)


def difference_of_answer(answer: Wire, verdict: Verdict) -> str:
    """Return what an answer of the webhooks says otherwise than the oracle; empty if nothing. It names no prices of lines.

    :param answer: an order that was validated, or a problem document.
    """
    texts = [_complaint(each["code"], each.get("jsonPath"), each.get("itemId")) for each in answer.get("errors") or []]
    if "errorCode" in answer and not texts:
        texts = [_complaint(answer["errorCode"], None, None)]
    elif answer.get("errorCode") == "VALIDATION_FAILED":
        texts = [_complaint(answer["errorCode"], each["jsonPath"], None) for each in answer["errors"]]
    if answer.get("isValid"):
        texts.append(_total(money(answer["amounts"]["total"])))
    by_oracle = _texts_of(verdict)
    return _difference(Counter(texts), Counter(text for text in by_oracle.elements() if not text.startswith("line ")))


def _texts_of_result(result: ValidationResult) -> Decided:
    texts = [_complaint(each.code, each.json_path, each.item_id) for each in result.violations]
    texts += [f"line {line.index} costs {line.total}" for line in result.lines]
    texts += [
        f"{each.index}: wrong unit price" for each in result.lines if each.unit_price * each.quantity != each.total
    ]
    if not result.violations and result.amounts is not None and result.amounts.total is not None:
        texts.append(_total(result.amounts.total))
        texts += [f"wrong amounts: {line}" for line in result.amounts.mistakes()]
    return Counter(texts)


def _texts_of(verdict: Verdict) -> Decided:
    texts = [_complaint(each.code, each.path, each.item_id) for each in verdict.complaints]
    texts += [f"line {i} costs {price:.2f}" for i, price in enumerate(verdict.prices) if price is not None]
    if verdict.total is not None:
        texts.append(_total(verdict.total))
    return Counter(texts)


def _complaint(code: str, path: str | None, item_id: str | None) -> str:
    return f"{code} at {path}" + ("" if item_id is None else f" for {item_id!r}")


def _total(amount: Decimal) -> str:
    return f"total {amount:.2f}"


def _difference(by_kit: Decided, by_oracle: Decided) -> str:
    if by_kit == by_oracle:
        return ""
    return f"only the kit: {_list(by_kit - by_oracle)}; only the oracle: {_list(by_oracle - by_kit)}"


def _list(texts: Decided) -> str:
    return ", ".join(texts.elements()) or "nothing"


class _OneStore:
    """One store and its catalog, in place of the kit's directory of stores and of its last good catalogs."""

    def __init__(self) -> None:
        self._catalog: Wire | None = None
        self._compiled: CompiledCatalog | None = None
        self._situation: Situation | None = None

    def set(self, situation: Situation) -> None:
        self._situation = situation
        if situation.catalog is not self._catalog:
            self._compiled = _compile(situation.catalog)
            self._catalog = situation.catalog

    def current(self, store: Store) -> CurrentCatalog:
        assert self._compiled is not None
        assert self._situation is not None
        marked = dict.fromkeys(self._situation.unavailable, float("inf"))
        return CurrentCatalog(self._compiled, CachedCatalog(self._compiled, "", time.monotonic(), marked).unavailable())

    def is_foreign(self, store: Store, version: str) -> bool:
        assert self._situation is not None
        return version in self._situation.versions_of_others

    def adapter(self, store: Store) -> PosAdapter:
        return cast(PosAdapter, PosAdapter)  # a class with which no POS is asked for a price


def _compile(catalog: Wire) -> CompiledCatalog:
    """Check and compile a catalog as the kit does when it fetches, stores and loads one."""
    fetched = CatalogSet.model_validate(catalog)
    errors = [str(finding) for finding in check(fetched) if finding.severity is Severity.ERROR]
    if errors:
        raise ValueError(f"the catalog is refused: {'; '.join(errors)}")
    return CompiledCatalog.compile(CatalogSet.model_validate_json(fetched.to_json()))


@dataclass(frozen=True)
class Clock:
    """A clock that stands still, in place of the class ``datetime``."""

    at: datetime

    def now(self, _zone: object) -> datetime:
        return self.at
