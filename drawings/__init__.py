"""Draws the sample styles, data/style/*.jpg: one module per picture, computed from a fixed seed.

`python -m drawings` draws all of them, `python -m drawings impasto mosaic` these. The pictures are
ours, CC0, and stand in the repository as files: nothing else needs this package.
"""
