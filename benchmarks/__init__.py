"""Benchmarks: each one measures the kit against a named alternative and a target in the same run."""
