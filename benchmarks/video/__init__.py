"""How steady painted films are, on clips whose motion is known.

Each clip is painted frame by frame, in the way of nst 0.1 before the flow (each frame from the
result of the one before) and along the flow. Measured are the warping error and, as a steady film
may be a poor painting, the distances of the frames from the style.
"""
