"""Odoo 19 as a point of sale of webhook_kit."""
