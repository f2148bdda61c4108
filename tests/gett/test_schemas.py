from __future__ import annotations

import json
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from click.testing import CliRunner

from webhook_kit.cli import main
from webhook_kit.cli.schema import command
from webhook_kit.gett import models
from webhook_kit.gett.models.base import Wire
from webhook_kit.gett.schemas import SCHEMAS

# The names under which Gett publishes its schemas.
PUBLISHED = [
    "AddPaymentCardRequest",
    "AddressInput",
    "Amounts",
    "Availability",
    "AvailabilityWindow",
    "Cart",
    "CartModifierGroup",
    "DefaultItem",
    "DiscoverStoresRequest",
    "DiscoverStoresResponse",
    "DishHighlights",
    "ExternalAddress",
    "ExternalCatalog",
    "ExternalCatalogSet",
    "ExternalCustomer",
    "ExternalDeliveryInfo",
    "ExternalItem",
    "ExternalModifierGroup",
    "ExternalOrder",
    "ExternalSection",
    "FulfillmentContextDto",
    "HoistSessionRequest",
    "LineItem",
    "Location",
    "MatchedDish",
    "PaymentInfo",
    "PlaceOrderRequest",
    "ProblemDetail",
    "RemoveCartItemRequest",
    "SessionAddress",
    "SessionCreateRequest",
    "SessionCreateResponse",
    "SessionMeResponse",
    "SessionMeUser",
    "SetFulfillmentContextRequest",
    "Store",
    "StoreHighlights",
    "StoreOptions",
    "Tier",
    "UpdateCartItemRequest",
    "UpdateProfileRequest",
    "UserAddressResponse",
    "UserAddressResponsePagedResult",
    "UserPaymentResponse",
    "UserPaymentResponsePagedResult",
    "ValidationError",
]

PRIVATE = {
    *("bin", "card_number", "card_token", "cvc", "expiration", "expiration_date", "last_four", "payment", "payment_id"),
    *("email", "phone", "first_name", "last_name", "address1", "address2", "city", "postal_code", "customer"),
    *("token", "google_id_token", "validated_order_token", "delivery_info", "instructions", "billing_address"),
}


def test_every_published_schema_has_a_model() -> None:
    assert [name for name in PUBLISHED if name not in SCHEMAS] == []


def test_models_have_their_own_names() -> None:
    assert {name: model.__name__ for name, model in SCHEMAS.items()} == {name: name for name in SCHEMAS} | {
        "Store": "MarketfrontStore"
    }
    assert "Wire" not in SCHEMAS  # what all have in common is no schema of its own


def test_every_model_is_listed() -> None:
    modules = [import_module(f"{models.__name__}.{module.name}") for module in iter_modules(models.__path__)]
    public = [getattr(module, name) for module in modules for name in module.__all__]
    assert set(SCHEMAS.values()) == {one for one in public if isinstance(one, type) and issubclass(one, Wire)} - {Wire}


@pytest.mark.parametrize("name", SCHEMAS)
def test_private_members_are_not_shown(name: str) -> None:
    public = ("CommerceAddress",)  # where a store is, everybody may know
    if name in public:
        return
    shown = {field for field, info in SCHEMAS[name].model_fields.items() if info.repr}
    assert shown & PRIVATE == set()


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_every_schema_has_json_names(name: str, mode: Any) -> None:
    schema = SCHEMAS[name].model_json_schema(mode=mode)
    # A recursive model is one of its own definitions.
    described = schema if "properties" in schema else schema["$defs"][name]
    snake_cased = name.startswith("OrderEvent")
    assert all(snake_cased or "_" not in member for member in described["properties"])
    # Money is a number and nothing else, and no constraint is lost in an unknown keyword.
    assert '{"type": "number"}, {"type": "string"}' not in json.dumps(schema)
    assert '"ge":' not in json.dumps(schema)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_money_is_a_number_in_a_model(mode: Any) -> None:
    properties = SCHEMAS["ExternalItem"].model_json_schema(mode=mode)["properties"]
    assert properties["basePrice"] == {"title": "Baseprice", "type": "number"}
    assert properties["compareAt"]["anyOf"] == [{"type": "number"}, {"type": "null"}]


class TestCommand:
    def test_command_prints_one_schema(self) -> None:
        result = CliRunner().invoke(command, ["Amounts"])
        assert result.exit_code == 0
        assert json.loads(result.output) == SCHEMAS["Amounts"].model_json_schema()

    def test_command_lists_the_names(self) -> None:
        result = CliRunner().invoke(command, [])
        assert result.output.split() == sorted(SCHEMAS)

    @pytest.mark.parametrize(
        ("name", "message"),
        [("amonts", "did you mean Amounts?"), ("EXTERNALORDER", "ExternalOrder"), ("zzz", "lists them")],
    )
    def test_unknown_name_is_one_line(
        self, name: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("sys.argv", ["webhook-kit", "schema", name])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        assert caught.value.code == 1
        assert out == ""
        assert message in err
        assert err.count("\n") == 1
