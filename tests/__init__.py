"""The tests mirror `app/`; a test is named after the law it checks."""
