"""The reasons found for what became of gradients."""
