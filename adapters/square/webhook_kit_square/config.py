"""Options and credentials of a store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

__all__ = ["PERMISSIONS", "SquareConfig", "SquareCredentials"]

PERMISSIONS = ("ITEMS_READ", "MERCHANT_PROFILE_READ", "ORDERS_READ", "ORDERS_WRITE", "PAYMENTS_WRITE")
"""Permissions that the token of a seller needs."""


def _fits_a_header(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise ValueError("must consist of ASCII letters, digits and signs, because it is sent in an HTTP header")
    return secret


class SquareConfig(BaseModel):
    """Options of a store."""

    environment: Literal["production", "sandbox"] = Field("production", description="Square's environment.")
    preparation_minutes: int = Field(20, gt=0, description="Preparation time of an order, as Square shows it.")
    webhook_url: str = Field(
        "", description="Address in Square's webhook subscription, exactly: the signature covers it."
    )
    base_url: str | None = Field(None, description="Another address of Square's API, for tests.")


class SquareCredentials(BaseModel):
    """Credentials of a store."""

    token: Annotated[SecretStr, AfterValidator(_fits_a_header)] = Field(
        min_length=1, description="Access token of the seller."
    )
    webhook_signature_key: SecretStr = Field(
        SecretStr(""),
        description="Signature key of the webhook subscription; several, separated by commas, while it is rotated.",
    )
