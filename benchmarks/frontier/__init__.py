"""Comparison of methods by style distance at equal content distance.

A weaker painting is nearer to the photo and farther from the style, so two images of different
strength do not compare two methods. Here each method paints every pair at several strengths, and
its style distance is read at the content distance of another method.
"""
