"""The fork server, the children it makes, and what makes them cheap. It never sees a program."""
