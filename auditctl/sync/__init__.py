"""Unattended runs into a destination that each event is added to once, and that proves it."""
