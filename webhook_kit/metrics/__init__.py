"""Metrics: what each process counts, added up in Redis, and read from there by Prometheus and the console."""
