"""Runs that are watched while they go: where their events live, and who may end them."""
