"""The engine's process on a full disk."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from safetensors import SafetensorError

from nst.controls import Controls
from nst.engine.checkpoint import Checkpoint
from nst.engine.network.weights import WeightsStore
from nst.engine_process.job_requests import JobRequests
from nst.engine_process.messages import OutOfSpace, Work
from nst.engine_process.painting import EngineContext, Painting, SpeedLog
from nst.engine_process.picture import PicturePainting
from nst.errors import StorageError, StorageFull
from nst.files import write_file
from nst.learning.checkpoint import LearningCheckpoint
from nst.result import Result
from support.service_in_process import House
from unit.learning import tiny


@dataclass
class Disk:
    """Disk that takes this many checkpoints, in place of a snapshot."""

    checkpoints: int
    tries: list[bool] = field(default_factory=list)
    """For each try, whether the old checkpoint existed."""

    def save_checkpoint(self, path: Path) -> None:
        self.tries.append(path.exists())
        if self.checkpoints <= path.exists():
            raise StorageFull(path, "no space left")
        path.write_bytes(b"new")


@pytest.fixture
def painting(house: House, tmp_path: Path) -> Painting:
    house.submit()
    job = house.claim()
    work = Work(tmp_path, job, checkpoint_seconds=0)
    context = EngineContext("cpu", WeightsStore(), SpeedLog(), say=lambda _: None)
    return Painting(work, JobRequests(Controls(job.order.options)), context)


@pytest.mark.parametrize(
    ("checkpoints", "tries", "kept"),
    [(2, [True], b"new"), (1, [True, False], b"new"), (0, [True, False], None)],
)
def test_the_old_checkpoint_goes_where_two_do_not_fit(
    painting: Painting, tmp_path: Path, checkpoints: int, tries: list[bool], kept: bytes | None
) -> None:
    file = tmp_path / "checkpoint"
    file.write_bytes(b"old")
    disk = Disk(checkpoints)
    assert painting._keep_checkpoint(disk.save_checkpoint) is (kept is not None)
    assert disk.tries == tries
    assert (file.read_bytes() if file.exists() else None) == kept


@pytest.mark.parametrize(
    "error",
    [StorageFull(Path("x"), "full"), StorageError(Path("x"), "I/O error"), OSError(28, "full")],
)
def test_a_full_disk_is_no_fault_of_the_job(
    painting: Painting, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(_: PicturePainting) -> Result:
        raise error

    monkeypatch.setattr(PicturePainting, "paint", fail)
    assert isinstance(painting.paint(), OutOfSpace)


def test_a_full_disk_is_told_from_other_faults(tmp_path: Path) -> None:
    def write(_: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageFull, match="No space left"):
        write_file(tmp_path / "x", write)


def save_checkpoint(path: Path) -> None:
    Checkpoint.model_construct(vectors={}, origin=None).save(path)


def save_learning_checkpoint(path: Path) -> None:
    training = tiny.training_run().training
    LearningCheckpoint(step=0, seconds=0, origin={}, command={}).save(training, path)


@pytest.mark.parametrize("save", [save_checkpoint, save_learning_checkpoint, tiny.saved])
def test_a_file_of_tensors_on_a_full_disk_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[[Path], object]
) -> None:
    """The library of the file format reports a full disk only by its message."""

    def fail(*_: object, **__: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.serialize_file", fail)
    with pytest.raises(StorageFull, match="No space left"):
        save(tmp_path / "file")
    assert not list(tmp_path.iterdir())
