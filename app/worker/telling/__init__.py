"""A run's raw records told in the vocabulary, once it has ended."""
