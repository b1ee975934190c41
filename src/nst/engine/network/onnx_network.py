"""Bundled networks in ONNX, run by onnxruntime.

onnxruntime is imported when the first network runs.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nst.errors import NetworkUnavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BUNDLE = Path(str(resources.files("nst.engine"))) / "bundled"


@dataclass(frozen=True, slots=True)
class Network:
    """A network in the bundle, whose README states the origin of each file."""

    path: Path
    sha256: str

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run the network and return all of its outputs.

        The first call loads the network, which then stays in memory. Raises NetworkUnavailable.
        """
        outputs: list[np.ndarray] = _session(self).run(None, inputs)
        return outputs


@cache
def _session(network: Network) -> "InferenceSession":
    try:
        data = network.path.read_bytes()
    except OSError as error:
        raise NetworkUnavailable(network.path, error.strerror or str(error)) from error
    if hashlib.sha256(data).hexdigest() != network.sha256:
        raise NetworkUnavailable(network.path, "the file is damaged, its SHA-256 is wrong")
    # onnxruntime would send telemetry to its maker from the import on.
    os.putenv("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    # These networks are small: a second thread would only spin while it waits for the next run.
    options.intra_op_num_threads = 1
    return InferenceSession(data, options, providers=["CPUExecutionProvider"])
