"""What a sealed program finds in the place of files, logs, compilers and packages that are not here."""
