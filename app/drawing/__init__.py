"""Trace to geometry: pure functions, and the resident Graphviz process."""
