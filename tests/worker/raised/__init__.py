"""Exceptions explained: a table of failing programs, and laws over random shapes."""
