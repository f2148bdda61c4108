"""Reasons why a POS refuses an order, and the protocol's code of each (``gett-protocol.md §3``)."""

from __future__ import annotations

from enum import StrEnum

from webhook_kit.gett.models.problem import ErrorCode

__all__ = ["Reason"]


class Reason(StrEnum):
    """Reason why a POS refuses an order, in the trade's standard terms."""

    ITEM_UNKNOWN = "item_unknown"
    ITEM_UNAVAILABLE = "item_unavailable"
    ITEM_OUT_OF_HOURS = "item_out_of_hours"
    MODIFIER_MISSING = "modifier_missing"
    MODIFIER_TOO_MANY = "modifier_too_many"
    MODIFIER_FOREIGN = "modifier_foreign"
    STORE_CLOSED = "store_closed"
    STORE_PAUSED = "store_paused"
    STORE_UNREACHABLE = "store_unreachable"
    STORE_OVER_CAPACITY = "store_over_capacity"
    LEAD_TIME_TOO_SHORT = "lead_time_too_short"
    STORE_UNKNOWN = "store_unknown"
    PRICE_DIFFERENT = "price_different"
    BELOW_MINIMUM = "below_minimum"
    ADDRESS_INVALID = "address_invalid"
    ADDRESS_OUT_OF_RANGE = "address_out_of_range"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_METHOD_INVALID = "payment_method_invalid"
    PAYMENT_FAILED = "payment_failed"
    OTHER = "other"

    @property
    def code(self) -> ErrorCode:
        """The protocol's code for this reason."""
        return _CODES[self]


_CODES: dict[Reason, ErrorCode] = {
    Reason.ITEM_UNKNOWN: ErrorCode.ITEM_UNAVAILABLE,
    Reason.ITEM_UNAVAILABLE: ErrorCode.ITEM_UNAVAILABLE,
    Reason.ITEM_OUT_OF_HOURS: ErrorCode.ITEM_UNAVAILABLE,
    Reason.MODIFIER_MISSING: ErrorCode.MODIFIER_REQUIRED,
    Reason.MODIFIER_TOO_MANY: ErrorCode.MODIFIER_REQUIRED,
    Reason.MODIFIER_FOREIGN: ErrorCode.MODIFIER_REQUIRED,
    Reason.STORE_CLOSED: ErrorCode.STORE_CLOSED,
    Reason.STORE_PAUSED: ErrorCode.STORE_CLOSED,
    Reason.STORE_UNREACHABLE: ErrorCode.STORE_CLOSED,
    Reason.STORE_OVER_CAPACITY: ErrorCode.STORE_CLOSED,
    Reason.LEAD_TIME_TOO_SHORT: ErrorCode.STORE_CLOSED,
    Reason.STORE_UNKNOWN: ErrorCode.STORE_NOT_FOUND,
    Reason.PRICE_DIFFERENT: ErrorCode.ORDER_TOTAL_DIFFERENT,
    Reason.BELOW_MINIMUM: ErrorCode.ORDER_BELOW_MINIMUM,
    Reason.ADDRESS_INVALID: ErrorCode.ADDRESS_INVALID,
    Reason.ADDRESS_OUT_OF_RANGE: ErrorCode.ADDRESS_OUT_OF_RANGE,
    Reason.PAYMENT_DECLINED: ErrorCode.PAYMENT_DECLINED,
    Reason.PAYMENT_METHOD_INVALID: ErrorCode.PAYMENT_METHOD_INVALID,
    Reason.PAYMENT_FAILED: ErrorCode.PAYMENT_FAILED,
    Reason.OTHER: ErrorCode.OTHER,
}
