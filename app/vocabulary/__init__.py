"""What all is told in: frozen plain values that cross every wall, and our exceptions. Imports nothing else of ours."""
