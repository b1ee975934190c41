"""Methods compared at equal content distance: which one is nearer to the style?

Whoever paints less is nearer to the photo and farther from the style, so two images of different
strength say nothing about two methods. Here each method paints every pair at several strengths, and
its style distance is read off where another method has the same content distance.
"""
