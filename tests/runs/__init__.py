"""Tests of live runs: their events, their bounds, and how they end."""
