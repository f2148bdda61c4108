"""Input of ``odoo shell``: the point of sale of the tests, with the products of Odoo's own restaurant scenario."""
# ruff: noqa: F821, T201
# mypy: ignore-errors

admin = env.ref("base.user_admin")
key = env["res.users.apikeys"].with_user(admin)._generate("rpc", "tests", None)
env["pos.config"].with_user(admin).load_onboarding_restaurant_scenario()
config = env["pos.config"].search([("module_pos_restaurant", "=", True)], limit=1)

# Cancel the scenario's own orders and close their session, because tests count tickets.
env["pos.order"].search([("state", "=", "draft")]).write({"state": "cancel"})
env["pos.session"].search([("state", "!=", "closed")]).write({"state": "closed"})

# Tests must not depend on the time of day; tests of hours set their own.
env["pos.preset"].search([]).write({"use_timing": False})

# The payment method of Gett's orders, the tip product, and the progress field.
journal = env["account.journal"].search([("type", "=", "bank"), ("company_id", "=", config.company_id.id)], limit=1)
method = env["pos.payment.method"].create({"name": "Gett", "journal_id": journal.id})
config.write({"payment_method_ids": [(4, method.id)], "iface_tipproduct": True})
env["ir.model.fields"].create(
    {
        "name": "x_gett_progress",
        "field_description": "Gett",
        "model_id": env.ref("point_of_sale.model_pos_order").id,
        "ttype": "selection",
        "selection_ids": [
            (0, 0, {"value": value, "name": value.replace("_", " ").capitalize(), "sequence": index})
            for index, value in enumerate(["pending", "confirmed", "preparing", "ready", "in_transit"])
        ],
    }
)

# Missing in the scenario: variants, and a price that includes its tax.
size = env["product.attribute"].create({"name": "Size", "display_type": "radio", "create_variant": "always"})
small, large = (
    env["product.attribute.value"].create({"name": name, "attribute_id": size.id}) for name in ("Small", "Large")
)
drinks = env["pos.category"].search([("name", "=", "Drinks")], limit=1)
lemonade = env["product.template"].create(
    {
        "name": "Lemonade",
        "list_price": 3.0,
        "available_in_pos": True,
        "pos_categ_ids": [(6, 0, drinks.ids)],
        "attribute_line_ids": [(0, 0, {"attribute_id": size.id, "value_ids": [(6, 0, [small.id, large.id])]})],
    }
)
lemonade.attribute_line_ids.product_template_value_ids.filtered(lambda v: v.name == "Large").price_extra = 1.25
tax = env["account.tax"].search([("type_tax_use", "=", "sale"), ("company_id", "=", config.company_id.id)], limit=1)
included = tax.copy({"name": "8.875% included", "amount": 8.875, "price_include_override": "tax_included"})
env["product.template"].create(
    {
        "name": "Ice cream",
        "list_price": 3.33,
        "available_in_pos": True,
        "pos_categ_ids": [(6, 0, env["pos.category"].search([("name", "=", "Food")], limit=1).ids)],
        "taxes_id": [(6, 0, included.ids)],
    }
)

config.with_user(admin).open_ui()
config.current_session_id.with_user(admin).set_opening_control(0, "")
env.cr.commit()
print("api-key", key)
