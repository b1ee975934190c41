"""Learned styles: a small network learns styles once and paints in one pass."""
