"""Calls to a POS: threads, deadlines, concurrency limits, circuit breaker and HTTP session."""
