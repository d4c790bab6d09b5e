"""The sealed side: alone imports torch, alone runs user code."""
