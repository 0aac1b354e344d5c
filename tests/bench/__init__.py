"""Benchmarks of whole processes against a loopback server: `python -m tests.bench --help`."""
