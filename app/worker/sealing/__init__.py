"""What a child gives up for good before a program reaches it. Knows nothing of torch."""
