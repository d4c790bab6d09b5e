"""Exceptions explained, from what was recorded and what the failing frames still hold."""
