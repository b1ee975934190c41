"""Steadiness of painted films, on clips whose motion is known.

Each clip is painted frame by frame, by the method of nst 0.1 before the flow (each frame starts
from the result of the previous one), and along the flow. The warping error is measured and, because
a steady film may be a poor painting, also the distances of the frames from the style.
"""
