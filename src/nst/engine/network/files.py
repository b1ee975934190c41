"""Facts about the files of networks that are known without reading them."""

from importlib import resources
from pathlib import Path

BUNDLE = Path(str(resources.files("nst.engine"))) / "bundled"
"""Directory of the networks in the package; its README states their origin."""

CAFFE_PTH = ("d01eb7cb", "00b39a1b")
"""Prefixes of the SHA-256 of the common .pth copies of the original weights.
The first is that of VGG-19, the second that of VGG-16."""

CAFFE_FILE_NAMES = {
    "vgg19": f"vgg19-{CAFFE_PTH[0]}.pth",
    "vgg16": f"vgg16-{CAFFE_PTH[1]}.pth",
}
"""File names of the original weights in other style transfer programs."""


class UnusableWeights(ValueError):
    """The file is not a set of weights of the model; the message says why."""
