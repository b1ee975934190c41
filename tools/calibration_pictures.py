"""Makes src/nst/engine/bundled/calibration.png from eight photographs.

Every set of weights is scaled on them (see nst.engine.network.conversion). They are public-domain
and CC0 images from scikit-image's wheel.
"""

import io
import zipfile

from PIL import Image

from nst.engine.network.files import BUNDLE
from wheels import SCIKIT_IMAGE, SCIKIT_IMAGE_SHA256, open_wheel

SIDE_PIXELS = 128

CROPS = (  # file, centre of the crop as shares of width and height, side as share of the shorter
    ("astronaut.png", 0.5, 0.5, 1.0),
    ("astronaut.png", 0.45, 0.2, 0.4),
    ("chelsea.png", 0.5, 0.5, 1.0),
    ("chelsea.png", 0.5, 0.4, 0.5),
    ("coffee.png", 0.5, 0.5, 1.0),
    ("coffee.png", 0.7, 0.6, 0.5),
    ("rocket.jpg", 0.5, 0.5, 1.0),
    ("hubble_deep_field.jpg", 0.4, 0.4, 0.6),
)


def crop(wheel: zipfile.ZipFile, name: str, x: float, y: float, share: float) -> Image.Image:
    picture = Image.open(io.BytesIO(wheel.read(f"skimage/data/{name}"))).convert("RGB")
    side = share * min(picture.size)
    left = min(max(x * picture.width - side / 2, 0), picture.width - side)
    top = min(max(y * picture.height - side / 2, 0), picture.height - side)
    box = (left, top, left + side, top + side)
    return picture.resize((SIDE_PIXELS, SIDE_PIXELS), Image.Resampling.LANCZOS, box=box)


def main() -> None:
    strip = Image.new("RGB", (SIDE_PIXELS * len(CROPS), SIDE_PIXELS))
    with open_wheel(SCIKIT_IMAGE, SCIKIT_IMAGE_SHA256) as wheel:
        for index, arguments in enumerate(CROPS):
            strip.paste(crop(wheel, *arguments), (SIDE_PIXELS * index, 0))
    strip.save(BUNDLE / "calibration.png", optimize=True)


if __name__ == "__main__":
    main()
