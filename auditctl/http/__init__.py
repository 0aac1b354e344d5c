"""Asking a service: whatever can go wrong on the way to an answer is met here."""
