"""The trusted side of the wall: starts, feeds and stops sealed children."""
