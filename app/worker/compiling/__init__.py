"""The program's text made ready to run, and what can be told from the text alone."""
