"""What holds behind the wall."""
