"""What a model says of its data, found in what the program compares, looked at while it trains."""
