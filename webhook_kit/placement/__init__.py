"""Placement of orders: one ticket per order."""
