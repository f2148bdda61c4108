"""What a store's options and credentials say, read once for each call."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from webhook_kit.adapter import Store
from webhook_kit.errors import ConfigurationError
from webhook_kit.gett.models.order import Fulfillment

__all__ = ["Options"]

_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$"), Field(min_length=1)]


class Options(BaseModel):
    """The options of a store, and the credentials that open its Odoo.

    :ivar url: where Odoo answers, without a path of its own.
    :ivar database: its database; None where the server has only one.
    :ivar point_of_sale: the id of the ``pos.config``.
    :ivar presets: which of its presets stands for which fulfillment type: name or id.
    :ivar payment_method: with what a ticket is marked as paid: name or id; None leaves it unpaid.
    :ivar acceptance: ``staff`` leaves a ticket pending until somebody moves its ``progress_field`` on.
    :ivar progress_field: a selection field on ``pos.order`` in which the staff says how far an order is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: _Url
    database: str | None = None
    point_of_sale: int
    presets: dict[str, str | int] = {Fulfillment.PICKUP: "Takeout", Fulfillment.DELIVERY: "Delivery"}
    payment_method: str | int | None = None
    acceptance: Literal["automatic", "staff"] = "automatic"
    progress_field: Annotated[str, StringConstraints(pattern=r"^x_\w+$")] | None = None
    api_key: str = Field(min_length=1, repr=False)

    @classmethod
    def of(cls, store: Store) -> Self:
        """Read them.

        :raises ConfigurationError: with every mistake at once.
        """
        try:
            options = cls(**store.options, api_key=store.credentials.get("api_key", ""))
        except ValidationError as error:
            raise ConfigurationError(*(_mistake(store, e["loc"], e["msg"]) for e in error.errors())) from None
        if options.acceptance == "staff" and options.progress_field is None:
            raise ConfigurationError(_mistake(store, ("acceptance",), "'staff' needs a progress_field to accept with"))
        return options.model_copy(update={"url": options.url.rstrip("/")})


def _mistake(store: Store, where: tuple[int | str, ...], what: str) -> str:
    table = "credentials" if where[:1] == ("api_key",) else "options"
    return f"store {store.id}: {table}.{'.'.join(map(str, where))}: {what}"
