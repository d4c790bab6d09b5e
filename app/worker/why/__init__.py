"""Why: what became of each tensor's gradient, and where. Computed from what was recorded; nothing is run again."""
