"""`make conformance`: programs in the playground against the same programs in plain Python, and what differs."""
