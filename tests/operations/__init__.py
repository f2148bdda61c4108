"""Tests of webhook_kit.operations."""
