"""Small built-in data in the place of what would have to be downloaded, for runs that ask for it."""
