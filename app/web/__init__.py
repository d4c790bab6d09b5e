"""HTTP in, HTML and JSON out."""
