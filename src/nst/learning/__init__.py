"""Learning: a small network learns styles once, then
paints any photo in one pass."""
