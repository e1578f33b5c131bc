"""Measures what the README claims; `make bench` runs all of it."""
