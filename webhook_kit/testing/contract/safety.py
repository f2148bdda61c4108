"""Contract tests of confidentiality: no credentials, cards or customers in logs, exceptions, reprs and responses."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from webhook_kit.adapter import Capability
from webhook_kit.testing.contract.environment import ContractEnvironment
from webhook_kit.testing.contract.hooks import ContractHooks, PosWebhook
from webhook_kit.testing.contract.spy import exception_text
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
_MIN_LENGTH = 5
"""Shorter credentials ("main", "1") occur in every log by chance."""


class SafetyTests(ContractHooks):
    """Rules for data that only the POS may receive."""

    def test_credentials_are_not_in_reprs(self, env: ContractEnvironment) -> None:
        """``repr`` of adapter and store, and the adapter's attributes, contain no credential.

        Protects: access to the restaurant's POS: a repr ends up in logs, error reports and screenshots.
        If it fails: keep no credential in the adapter object (the store has them), and show none in a repr.
        """
        env.validate_and_place(env.order())
        reprs = [repr(env.adapter), str(env.adapter), repr(vars(env.adapter)), repr(env.store)]
        _assert_absent(reprs, "a repr", _credentials(env))

    def test_secrets_are_not_logged(self, env: ContractEnvironment) -> None:
        """Logs and output contain no credential, customer contact or card, after success and after failure.

        Protects: access to the restaurant's POS and the customers' privacy: logs are stored, and many people read them.
        If it fails: log ids, codes and figures, but no order, header, URL with a secret or POS response.
        """
        _place_and_fail(env)
        _assert_absent(env.output, "the log", [*_credentials(env), *_contact(), _CARD])

    def test_secrets_are_not_in_exceptions(self, env: ContractEnvironment) -> None:
        """Exceptions of the adapter contain no credential, customer contact or card.

        Protects: access to the restaurant's POS and the customers' privacy: exceptions are logged.
        If it fails: raise with ids, codes and figures; put no secret into a URL, because HTTP libraries show URLs in exceptions.
        """
        _place_and_fail(env)
        texts = [exception_text(call.error) for call in env.spy.calls if call.error is not None]
        _assert_absent(texts, "an exception", [*_credentials(env), *_contact(), _CARD])

    def test_card_is_not_in_the_response(self, env: ContractEnvironment) -> None:
        """The response to Gett contains neither the card nor a credential.

        Protects: the card: responses are stored for a day and sent again to duplicates.
        If it fails: build Placed and Refused from the POS's ids and codes, not from whole requests or responses.
        """
        order = {**env.validated_order(_personal_order(env)), "payment": _payment()}
        response = env.place(order)
        assert response.status == 200, response
        _assert_absent([response.raw.decode()], "the response", [*_credentials(env), _CARD])


def _place_and_fail(env: ContractEnvironment) -> None:
    """Place orders with customer, card and address: without failure, with losses, and with the POS down."""
    order = {**env.validated_order(_personal_order(env)), "payment": _payment()}
    env.place(order)
    env.kit.reconciler.reconcile(env.store)
    for loss in (Loss.REPLY, Loss.REQUEST):
        order = {**env.validated_order(_personal_order(env)), "payment": _payment()}
        with env.lose_next(loss):
            env.place(order)
    order = {**env.validated_order(_personal_order(env)), "payment": _payment()}
    with env.pos_down():
        env.place(order)
        env.validate(order)
        with suppress(Exception):
            env.adapter.fetch_catalog(env.store)
    if env.hooks.adapter.offers(Capability.EVENTS):
        for body in (b"", b"{}", b"[]"):
            env.deliver(PosWebhook({}, body))
    with suppress(Exception):
        env.adapter.find_order(env.store, "no-such-order")


def _personal_order(env: ContractEnvironment) -> dict[str, Any]:
    offered = env.store.fulfillment_types
    delivers = offered is None or "DeliveryByMerchant" in offered
    return env.order(
        customer=_CUSTOMER,
        deliveryInfo={"type": "door", "address": _ADDRESS, "instructions": "ask for Quackenbush"},
        **({"fulfillmentType": "DeliveryByMerchant"} if delivers else {}),
    )


def _payment() -> dict[str, str]:
    return {"type": "cardOnFile", "cardToken": _CARD, "processorType": "stripe"}


def _contact() -> list[str]:
    return [*_CUSTOMER.values(), _ADDRESS["address1"]]


def _credentials(env: ContractEnvironment) -> list[str]:
    return [value for value in env.store.credentials.values() if len(value) >= _MIN_LENGTH]


def _assert_absent(texts: Iterable[str], place: str, secrets: Iterable[str]) -> None:
    for text in texts:
        for secret in secrets:
            # The secret itself is masked: the output of a test is a log as well.
            assert secret not in text, f"{place} contains {_kind(secret)}: {text.replace(secret, '█████')}"


def _kind(secret: str) -> str:
    if secret in _CUSTOMER.values() or secret in _ADDRESS.values():
        return f"the customer ({secret})"
    return "the card" if secret == _CARD else "a credential"
