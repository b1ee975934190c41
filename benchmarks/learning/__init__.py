"""Learned styles compared with the draft and the plain loop, after equal time."""
