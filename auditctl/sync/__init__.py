"""Unattended runs: files that each event is appended to once, and the journal that proves it."""
