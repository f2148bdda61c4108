"""Outbox: updates on their way to Gett, ordered, paced, retried and never lost."""
