"""May an order be placed, and at what price? What was accepted, held against menu, POS and price policy."""

from __future__ import annotations

from webhook_kit.adapter import Capability, Guarantee, PosAdapter, Store
from webhook_kit.gett.models.order import Amounts, PlaceOrderRequest, ValidationError
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.gett.problems import Problem
from webhook_kit.placement.pricing import agree
from webhook_kit.placement.token import AcceptedPrice, TokenRefused, Tokens
from webhook_kit.placement.validation import OrderValidator
from webhook_kit.settings import Settings

__all__ = ["PriceAgreement"]


class PriceAgreement:
    """The terms on which an order is placed."""

    def __init__(self, assessor: OrderValidator, tokens: Tokens, settings: Settings) -> None:
        self._assessor = assessor
        self._tokens = tokens
        self._settings = settings

    def amounts(self, order: PlaceOrderRequest, store: Store, *, until: float) -> Amounts:
        """The amounts to place an order at.

        :param until: monotonic time by which an answer is needed.
        :raises Problem: the refusal, or 503 when the POS gives no usable answer.
        """
        accepted = self.accepted(order)
        assessed = self._assessor.validate(order, store, until=until)
        if assessed.violations or assessed.amounts is None:
            raise Problem.refusing(assessed.violations)
        agreed = agree(
            accepted,
            assessed.amounts,
            assessed.lines,
            policy=self._settings.price_policy,
            tolerance=self._settings.price_tolerance,
        )
        if isinstance(agreed, ValidationError):
            raise Problem.refusing([agreed])
        return agreed

    def known_beforehand(
        self, order: PlaceOrderRequest, store: Store, adapter: PosAdapter, *, until: float
    ) -> Amounts | None:
        """The amounts, when they can be known without asking the POS and nothing speaks against the order.

        Then claiming the order and saying that the POS is about to be called is one round trip. A refusal is not given here:
        it has its place after the claim.
        """
        if adapter.guarantee() is Guarantee.LOOK_UP or adapter.offers(Capability.QUOTE):
            return None
        try:
            return self.amounts(order, store, until=until)
        except Problem:
            return None

    def accepted(self, order: PlaceOrderRequest) -> AcceptedPrice | None:
        """What the customer accepted: the token's amounts, else the request's; None when neither came.

        :raises Problem: when the token is not ours, not for this order, or missing where it is required.
        """
        if not order.validated_order_token:
            if self._settings.require_validated_token:
                raise Problem(ErrorCode.INVALID_REQUEST, "validatedOrderToken is missing: call validateOrder first")
            return AcceptedPrice(order.amounts) if order.amounts else None
        try:
            accepted = self._tokens.read(order.validated_order_token, order)
        except TokenRefused as error:
            raise Problem(ErrorCode.INVALID_REQUEST, str(error)) from error
        if order.amounts is None or order.amounts.tip is None:
            # The tip was given at validation and is part of what was accepted.
            order.amounts = (order.amounts or Amounts()).model_copy(update={"tip": accepted.amounts.tip})
        return accepted
