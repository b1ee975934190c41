"""Network that judges the images that another network has painted."""

from pathlib import Path

import click

from benchmarks.engine.schema import Model
from nst.engine import distance
from nst.engine.network.weights import Weights, WeightsStore


def load_judge(model: Model, weights_dir: Path | None) -> tuple[WeightsStore, Weights]:
    """Return an offline store, and the weights of the network that judges `model`.
    Raises UsageError if these weights are missing."""
    store = WeightsStore(directory=weights_dir, offline=True)
    judge = store.load_local(distance.JUDGE[model])
    if judge is None:
        raise click.UsageError(f"no weights of {distance.JUDGE[model]}; name --weights-dir")
    return store, judge
