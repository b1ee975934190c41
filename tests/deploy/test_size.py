"""The largest allowed job fits into the shipped containers.

The plan that the engine follows gives its memory, and the checkpoints of that plan give its disk.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from nst.engine.losses.layers import TermLayers
from nst.engine.memory.budget import USABLE_SHARE
from nst.engine.memory.plan import Demand, plan_memory, predict
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.options import StyleTransferOptions
from nst.progress import MemoryPlan
from nst.settings.groups import Limits
from support.assets import REPOSITORY

GIB = 1 << 30
PROCESS_BYTES = 400_000_000
"""Bytes that the engine and its worker occupy before a job."""
PICTURES_BYTES = 500_000_000
"""Bytes of the uploads, a result of 16 bits, and the previews."""
LARGEST = Limits().max_size
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"

OPTIONS: list[dict[str, Any]] = [
    {"style_loss": "neighbors", "average": 0.9},
    {"style_loss": "gram", "style_layers": "dense", "average": 0.9},
    {"style_loss": "wasserstein", "optimizer": "adam"},
]


def demand(side: int, options: dict[str, Any], model: str) -> Demand:
    chosen = StyleTransferOptions(**options)
    layers = TermLayers.of(chosen, model)
    return Demand(
        size=(side, side),
        style_sizes=[(side, side)],
        model=model,
        number_bytes=4,
        optimizer=chosen.optimizer,
        process_bytes=PROCESS_BYTES,
        layers=layers.names,
        content_layers=layers.content.keys(),
        has_average=chosen.average > 0,
        is_matched=chosen.is_matched,
    )


def worker(file: Path) -> tuple[int, int]:
    """Return the bytes of memory and of /tmp that a worker has."""
    (spec,) = (
        document["spec"]["template"]["spec"]
        for document in yaml.safe_load_all(file.read_text())
        if document["kind"] == "Deployment"
    )
    (container,), (tmp,) = (
        spec["containers"],
        [volume for volume in spec["volumes"] if volume["name"] == "tmp"],
    )
    resources = container["resources"]
    size = gib(tmp["emptyDir"]["sizeLimit"])
    assert "medium" not in tmp["emptyDir"]
    assert gib(resources["requests"]["ephemeral-storage"]) >= size
    return gib(resources["limits"]["memory"]), size


def gib(text: str) -> int:
    assert text.endswith("Gi"), text
    return int(text.removesuffix("Gi")) * GIB


def needed_disk(plan: MemoryPlan) -> int:
    return 2 * plan.checkpoint_bytes + PICTURES_BYTES


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("model", ["vgg16", "vgg19"])
def test_every_size_fits_into_memory_and_disk_of_a_worker(
    model: str, options: dict[str, Any]
) -> None:
    memory, disk = worker(KUBERNETES / "base" / "worker.yaml")
    usable = round(USABLE_SHARE * memory)
    for side in range(512, LARGEST + 1, 256):
        plan = plan_memory(demand(side, options, model), usable)
        assert plan.peak_bytes <= usable, side
        assert needed_disk(plan) <= disk, side


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_worker_on_a_gpu_has_disk_for_the_whole_history(options: dict[str, Any]) -> None:
    """The whole history fits into the memory of a large GPU.
    A checkpoint passes through the memory of the container."""
    memory, disk = worker(KUBERNETES / "overlays" / "gpu" / "worker.yaml")
    history = 0 if "optimizer" in options else HISTORY_SIZE
    plan = predict(demand(LARGEST, options, "vgg19"), None, history)
    assert needed_disk(plan) <= disk
    assert plan.checkpoint_bytes + 4 * GIB <= memory


def test_compose_has_the_memory_and_no_limit_of_the_disk() -> None:
    service = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]["worker"]
    assert "tmpfs" not in service  # a tmpfs would count as memory
    assert "/tmp" in service["volumes"]  # noqa: S108 - of the container
    memory, _ = worker(KUBERNETES / "base" / "worker.yaml")
    default = service["deploy"]["resources"]["limits"]["memory"].removeprefix("${WORKER_MEMORY:-")
    assert default == f"{memory // GIB}G}}"
