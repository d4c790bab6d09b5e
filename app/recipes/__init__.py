"""Recipes: the choices of a training panel -> the program a tutorial would show for them."""
