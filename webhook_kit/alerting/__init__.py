"""Alerts on their way to people: opened once, repeated, resolved; delivered to webhooks, chats, pagers and by e-mail."""
