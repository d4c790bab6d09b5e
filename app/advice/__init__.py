"""What a program's text foretells: old code and what replaced it, and what cannot work here. Pure, from the tree."""
