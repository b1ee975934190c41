"""Draws the sample style images, data/style/*.jpg, each from a fixed seed.

There is one module per image. `python -m drawings` draws all images, `python -m drawings impasto
mosaic` only these two. The images are our own work, CC0, and are files in the repository: nothing
else needs this package.
"""
