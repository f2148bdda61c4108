"""The console as JSON, below ``/console/api``."""
