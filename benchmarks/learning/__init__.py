"""Learned styles beside the draft and beside the plain loop, after equal time."""
