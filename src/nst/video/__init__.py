"""Moving images: time-lapses of transfers, and films whose frames are painted.

Films are read and written through PyAV, which is an extra (`nst[video]`) and is imported on
demand; WebP and GIF are written through Pillow.
"""

from nst.video.film import FilmResult, Video
from nst.video.formats import media_type
from nst.video.measuring import START_BYTES, FilmFacts, FilmLimits, can_read, measure
from nst.video.timelapse import Timelapse, check_output
from nst.video.writing import CONTAINERS, Container

__all__ = [
    "CONTAINERS",
    "START_BYTES",
    "Container",
    "FilmFacts",
    "FilmLimits",
    "FilmResult",
    "Timelapse",
    "Video",
    "can_read",
    "check_output",
    "measure",
    "media_type",
]
