"""What follows a training while it goes on: curves, ribbons, numbers that move, and holding it."""
