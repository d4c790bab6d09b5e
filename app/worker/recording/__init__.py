"""What a program does while it runs, written down as raw as it can be: calls, names, tensors, loops."""
