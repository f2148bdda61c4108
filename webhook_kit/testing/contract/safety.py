"""What must not be told: credentials, cards and customers, in logs, exceptions and reprs."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from webhook_kit.adapter import Capability
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks, PosWebhook
from webhook_kit.testing.contract.spy import told
from webhook_kit.testing.lossy_proxy import Loss

__all__ = ["SafetyTests"]

_CUSTOMER = {
    "firstName": "Zebulonia",
    "lastName": "Quackenbush",
    "email": "zebulonia@quackenbush.example",
    "phone": "+12125550187",
}
_ADDRESS = {"address1": "4711 Periwinkle Crescent", "city": "New York", "state": "NY", "postalCode": "10001"}
_CARD = "tok_canary_77e1b2c9"
_SHORTEST = 5
"""Shorter credentials ("main", "1") are found in every log."""


class SafetyTests(ContractHooks):
    """What nobody but the POS may get to know."""

    def test_credentials_are_in_no_repr(self, bench: ContractEnvironment) -> None:
        """``repr`` of adapter and store, and what the adapter keeps, show no credential.

        Protects: the restaurant's till: a repr ends up in a log, an error report, a screenshot.
        If it fails: keep no credential in the adapter object (they arrive in store), and none in a repr.
        """
        bench.placed(bench.order())
        shown = [repr(bench.adapter), str(bench.adapter), repr(vars(bench.adapter)), repr(bench.store)]
        _search(shown, "a repr", _credentials(bench))

    def test_nothing_secret_is_logged(self, bench: ContractEnvironment) -> None:
        """Neither credentials nor the customer's contact nor the card reach a log or the output, in success and in failure.

        Protects: the restaurant's till and the guests' privacy: logs are read by many, and kept.
        If it fails: log ids, codes and figures; never an order, a header, a URL with a secret in it or a POS's answer.
        """
        _live(bench)
        _search(bench.heard, "the log", [*_credentials(bench), *_contact(), _CARD])

    def test_nothing_secret_is_in_an_exception(self, bench: ContractEnvironment) -> None:
        """No exception out of the adapter shows a credential, the customer's contact or the card.

        Protects: the same: an exception's text ends up in the log.
        If it fails: raise with ids, codes and figures; take secrets out of URLs, where an HTTP library's exceptions show them.
        """
        _live(bench)
        failures = [told(call.failure) for call in bench.witness.calls if call.failure is not None]
        _search(failures, "an exception", [*_credentials(bench), *_contact(), _CARD])

    def test_the_card_stays_out_of_the_answer(self, bench: ContractEnvironment) -> None:
        """What Gett is answered holds neither the card nor a credential.

        Protects: the card: answers are kept for a day, and replayed.
        If it fails: build Placed and Refused from the POS's ids and codes, never from whole requests or answers.
        """
        order = {**bench.validated(_personal(bench)), "payment": _payment()}
        answer = bench.place(order)
        assert answer.status == 200, answer
        _search([answer.raw.decode()], "the answer", [*_credentials(bench), _CARD])


def _live(bench: ContractEnvironment) -> None:
    """Everything that can happen to an order with a customer, a card and an address, the worst included."""
    order = {**bench.validated(_personal(bench)), "payment": _payment()}
    bench.place(order)
    bench.kit.reconciler.reconcile(bench.store)
    for loss in (Loss.REPLY, Loss.REQUEST):
        broken = {**bench.validated(_personal(bench)), "payment": _payment()}
        with bench.losing(loss):
            bench.place(broken)
    broken = {**bench.validated(_personal(bench)), "payment": _payment()}
    with bench.down():
        bench.place(broken)
        bench.validate(broken)
        with suppress(Exception):
            bench.adapter.fetch_catalog(bench.store)
    if bench.vendor.adapter.offers(Capability.EVENTS):
        for body in (b"", b"{}", b"[]"):
            bench.pos_says(PosWebhook({}, body))
    with suppress(Exception):
        bench.adapter.find_order(bench.store, "no-such-order")


def _personal(bench: ContractEnvironment) -> dict[str, Any]:
    offered = bench.store.fulfillment_types
    delivers = offered is None or "DeliveryByMerchant" in offered
    return bench.order(
        customer=_CUSTOMER,
        deliveryInfo={"type": "door", "address": _ADDRESS, "instructions": "ask for Quackenbush"},
        **({"fulfillmentType": "DeliveryByMerchant"} if delivers else {}),
    )


def _payment() -> dict[str, str]:
    return {"type": "cardOnFile", "cardToken": _CARD, "processorType": "stripe"}


def _contact() -> list[str]:
    return [*_CUSTOMER.values(), _ADDRESS["address1"]]


def _credentials(bench: ContractEnvironment) -> list[str]:
    return [value for value in bench.store.credentials.values() if len(value) >= _SHORTEST]


def _search(texts: Iterable[str], where: str, secrets: Iterable[str]) -> None:
    for text in texts:
        for secret in secrets:
            # The secret itself is not shown: a test's output is a log as well.
            assert secret not in text, f"{where} shows {_named(secret)}: {text.replace(secret, '█████')}"


def _named(secret: str) -> str:
    if secret in _CUSTOMER.values() or secret in _ADDRESS.values():
        return f"the customer ({secret})"
    return "the card" if secret == _CARD else "a credential"
