"""The real sandbox: its fork server, its sealed children, and what they do to one another."""
