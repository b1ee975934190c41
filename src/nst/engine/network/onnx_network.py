"""Bundled networks in ONNX, run by onnxruntime.

onnxruntime is imported when the first network runs.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nst.errors import DraftUnavailable, NetworkUnavailable
from nst.processors import processors_of_container

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


@dataclass(frozen=True, slots=True)
class Network:
    """A network in the bundle, whose README states the origin of each file."""

    path: Path
    sha256: str
    unavailable: type[NetworkUnavailable | DraftUnavailable] = NetworkUnavailable
    """Error if the file is missing or damaged."""
    threads: int = 1
    """Number of threads; 0: one per core that the container may use.
    In a small network a second thread would only spin while it waits for the next run."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Run the network and return all of its outputs.

        The first call loads the network, which then stays in memory. Raises `unavailable`.
        """
        session = _session(self)
        from onnxruntime import RunOptions

        options = RunOptions()
        # Frees the memory after the run, because optimising the image needs it.
        options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        outputs: list[np.ndarray] = session.run(None, inputs, options)
        return outputs


@cache
def _session(network: Network) -> "InferenceSession":
    try:
        data = network.path.read_bytes()
    except OSError as error:
        raise network.unavailable(network.path, error.strerror or str(error)) from error
    if hashlib.sha256(data).hexdigest() != network.sha256:
        raise network.unavailable(network.path, "the file is damaged, its SHA-256 is wrong")
    # onnxruntime would send telemetry to its maker from the import on.
    os.putenv("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = network.threads or processors_of_container() or 0
    # Decodes int8 weights once, here, instead of in every run.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return InferenceSession(data, options, providers=["CPUExecutionProvider"])
