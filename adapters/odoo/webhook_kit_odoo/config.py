"""Options and credentials of a store."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, StringConstraints, model_validator

from webhook_kit import FulfillmentType

__all__ = ["OdooConfig", "OdooCredentials"]

_Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]+$"), AfterValidator(lambda url: url.rstrip("/"))]


def _fits_a_header(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must consist of ASCII letters, digits and signs, because it is sent in an HTTP header")
    return secret


class OdooConfig(BaseModel, frozen=True):
    """Options of a store."""

    url: _Url = Field(description="Address of Odoo, without a path.")
    database: Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]*$")] | None = Field(
        None, description="Name of the database; not needed if the server has only one."
    )
    point_of_sale: int = Field(description="Id of the `pos.config`.")
    presets: dict[str, str | int] = Field(
        {FulfillmentType.PICKUP.value: "Takeout", FulfillmentType.DELIVERY.value: "Delivery"},
        description="Preset of each fulfillment type: name or id.",
    )
    payment_method: str | int | None = Field(
        None,
        description="Payment method with which a ticket is marked as paid: name or id; without it, tickets are unpaid.",
    )
    acceptance: Literal["automatic", "staff"] = Field(
        "automatic", description="`staff` leaves a ticket pending until the staff changes its progress field."
    )
    progress_field: Annotated[str, StringConstraints(pattern=r"^x_\w+$")] | None = Field(
        None, description="Selection field of `pos.order` in which the staff records an order's progress."
    )

    @model_validator(mode="after")
    def _staff_can_accept(self) -> Self:
        if self.acceptance == "staff" and self.progress_field is None:
            raise ValueError("acceptance 'staff' requires progress_field")
        return self


class OdooCredentials(BaseModel, frozen=True):
    """Credentials of a store."""

    api_key: Annotated[SecretStr, AfterValidator(_fits_a_header)] = Field(
        min_length=1, description="API key of an Odoo user."
    )
    webhook_secret: SecretStr = Field(
        SecretStr(""), description="Secret in the address of Odoo's webhooks; without it, none are accepted."
    )
