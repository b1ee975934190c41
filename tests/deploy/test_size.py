"""The largest allowed job and the largest allowed uploads fit into the shipped containers.

The plan that the engine follows gives its memory, and the checkpoints of that plan give its disk.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from nst.api.app import FORM_OVERHEAD_BYTES
from nst.api.pictures import uploading
from nst.decoding.child import LARGE_PIXELS
from nst.decoding.parent import BASE_BYTES, BYTES_PER_PIXEL, PROCESSES
from nst.engine.losses.layers import TermLayers
from nst.engine.memory.budget import USABLE_SHARE
from nst.engine.memory.plan import Demand, plan_memory, predict
from nst.engine.optimizer.lbfgs import HISTORY_SIZE
from nst.jobs.pictures import reading
from nst.options import StyleTransferOptions
from nst.progress import MemoryPlan
from nst.settings.groups import Limits, WebSettings
from support.assets import REPOSITORY

GIB = 1 << 30
PROCESS_BYTES = 400_000_000
"""Bytes that the engine and its worker occupy before a job."""
PICTURES_BYTES = 500_000_000
"""Bytes of the uploads, a result of 16 bits, and the previews."""
FILE_SYSTEM_SHARE = 0.93
"""Share of a volume that its file system leaves for files."""
API_BYTES = 200_000_000
"""Bytes that an API process or nginx occupies without uploads."""
UPLOAD_BYTES = WebSettings().max_upload_bytes + FORM_OVERHEAD_BYTES
RESULT_PIXEL_BYTES = 8
"""Maximum bytes of one pixel of a result: 16 bits of each colour and of alpha."""
FRAME_BYTES = 3
"""Maximum bytes of one pixel of a frame of a film, in a PNG."""
LARGEST = Limits().max_size
KUBERNETES = REPOSITORY / "deploy" / "kubernetes"

SERVICES = yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"]
GPU_WORKER = yaml.safe_load((REPOSITORY / "deploy" / "compose.gpu.yaml").read_text())["services"][
    "worker"
]
NGINX = (REPOSITORY / "deploy" / "page" / "nginx.conf").read_text()
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()

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
    """Return the bytes of memory and of files in /tmp that a worker has."""
    memory, tmp = deployed(file)
    claim = tmp["ephemeral"]["volumeClaimTemplate"]["spec"]["resources"]["requests"]
    return memory, int(FILE_SYSTEM_SHARE * size(claim["storage"]))


def deployed(file: Path) -> tuple[int, dict[str, Any]]:
    """Return the bytes of memory of a deployment, and its volume /tmp."""
    (spec,) = (
        document["spec"]["template"]["spec"]
        for document in yaml.safe_load_all(file.read_text())
        if document["kind"] == "Deployment"
    )
    (container,), (tmp,) = (
        spec["containers"],
        [volume for volume in spec["volumes"] if volume["name"] == "tmp"],
    )
    return size(container["resources"]["limits"]["memory"]), tmp


def size(text: str) -> int:
    """Return the bytes that Kubernetes or Compose means by 16Gi, 5G, 1g or 1280M."""
    found = re.fullmatch(r"(\d+)([GM])I?", text.upper())
    assert found, text
    return int(found[1]) * {"G": GIB, "M": 1 << 20}[found[2]]


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
    in_compose = GPU_WORKER["deploy"]["resources"]["limits"]["memory"]
    assert in_compose == f"${{WORKER_MEMORY:-{memory // GIB}G}}"


def test_compose_has_the_memory_and_no_limit_of_the_disk() -> None:
    service = SERVICES["worker"]
    assert "tmpfs" not in service  # a tmpfs would count as memory
    assert "/tmp" in service["volumes"]  # noqa: S108 - of the container
    memory, _ = worker(KUBERNETES / "base" / "worker.yaml")
    default = service["deploy"]["resources"]["limits"]["memory"].removeprefix("${WORKER_MEMORY:-")
    assert default == f"{memory // GIB}G}}"


def test_a_film_of_several_passes_fits_as_the_documentation_says() -> None:
    """Its frames stay in /tmp: those of the film itself, and those of each pass."""
    said = re.search(r"(\d+) frames of (\d+)×(\d+) pixels fit with up to (\d+) passes", OPERATIONS)
    assert said, "docs/operations.md no longer says which film fits"
    frames, width, height, passes = map(int, said.groups())
    _, disk = worker(KUBERNETES / "base" / "worker.yaml")
    one_pass = frames * width * height * FRAME_BYTES
    assert frames == Limits().max_film_frames
    assert passes == (disk - PICTURES_BYTES) // one_pass - 1


def test_images_and_their_decoders_fit_into_the_memory_of_the_api() -> None:
    images = bodies_in_memory() + results_in_memory()
    for memory, tmp in api_sizes():
        assert API_BYTES + tmp + images + decoders() <= memory


def api_sizes() -> list[tuple[int, int]]:
    """Return the bytes of memory and of /tmp, in Compose and in Kubernetes."""
    memory, tmp = deployed(KUBERNETES / "base" / "api.yaml")
    assert tmp["emptyDir"]["medium"] == "Memory"
    return [composed("api"), (memory, size(tmp["emptyDir"]["sizeLimit"]))]


def composed(name: str) -> tuple[int, int]:
    """Return the bytes of memory and of /tmp of a service in compose.yaml."""
    service = SERVICES[name]
    (tmpfs,) = service["tmpfs"]
    found = re.fullmatch(r"/tmp:size=(\w+),mode=1777", tmpfs)  # noqa: S108 - of the container
    assert found
    return size(service["deploy"]["resources"]["limits"]["memory"]), size(found[1])


def results_in_memory() -> int:
    """Return the bytes of the images from which files are made, and of as many copies: a content
    image and a result with a slot are sent to a decoder, or are written without a recipe."""
    return reading.limit * 2 * (UPLOAD_BYTES + RESULT_PIXEL_BYTES * LARGEST**2)


def bodies_in_memory() -> int:
    """Return the bytes of the uploads with a slot, and of the copies that decoders get."""
    return (uploading.limit + PROCESSES) * UPLOAD_BYTES


def decoders() -> int:
    """Return the bytes of all decoding processes: one for a large image, the others for small
    images, and one for a film."""
    large, small = (
        BASE_BYTES + BYTES_PER_PIXEL * pixels for pixels in (Limits().max_pixels, LARGE_PIXELS)
    )
    return large + (PROCESSES - 1) * small + large


def test_uploads_fit_into_the_temporary_directories() -> None:
    (uploads,) = map(int, re.findall(r"limit_conn all_uploads (\d+);", NGINX))
    memory, tmp = composed("frontend")
    assert uploads * UPLOAD_BYTES <= tmp
    assert API_BYTES + tmp <= memory
    for _, tmp in api_sizes():
        assert uploads * UPLOAD_BYTES + Limits().max_film_bytes <= tmp


def test_uploads_of_one_address_fill_at_most_half_of_a_directory_in_kubernetes() -> None:
    """The routes that also list have a larger limit, and the Ingress has none for all addresses
    together; a full directory refuses requests."""
    text = (KUBERNETES / "overlays" / "production" / "ingress.yaml").read_text()
    (uploads,) = (
        ingress
        for ingress in yaml.safe_load_all(text)
        if ingress["metadata"]["name"] == "nst-uploads"
    )
    annotations = uploads["metadata"]["annotations"]
    connections = int(annotations["nginx.ingress.kubernetes.io/limit-connections"])
    _, (_, tmp) = api_sizes()
    assert connections * UPLOAD_BYTES <= tmp / 2


def test_the_example_of_a_proxy_takes_what_the_api_takes() -> None:
    assert f"client_max_body_size {UPLOAD_BYTES};" in OPERATIONS
