"""Jobs, their progress and their results, for tests that paint nothing."""

from typing import Any

from nst.jobs.job import RESULT, Job, JobError, JobLosses, JobProgress, JobResult, new_id
from nst.jobs.order import Order, Picture
from nst.options import StyleTransferOptions

FAILURE = JobError(code="engine_crashed", message="the engine crashed; try a smaller size")


def order(job_id: str, **options: Any) -> Order:
    return Order(
        content=picture(job_id, "content", "a cat.jpg"),
        styles=(picture(job_id, "style-0", "wäves?.png"), picture(job_id, "style-1", "x.png")),
        masks=(None, picture(job_id, "mask-1", "mask.png")),
        detail_map=picture(job_id, "detail-map", "detail.png"),
        options=StyleTransferOptions.from_preset("fast", **options),
        preset="fast",
    )


def picture(job_id: str, key: str, name: str) -> Picture:
    return Picture(
        key=f"{job_id}/{key}",
        sha256="0" * 64,
        name=name,
        content_type="image/png",
        size=(64, 48),
    )


def job(owner: str = "anna", **facts: Any) -> Job:
    job_id = new_id()
    return Job(
        **{
            "id": job_id,
            "owner": owner,
            "order": order(job_id),
            "fingerprint": job_id,
            "trace": {"traceparent": "00-1-2-01"},
            **facts,
        }
    )


def progress(step: int) -> JobProgress:
    return JobProgress(
        step=step,
        total_iterations=100,
        elapsed_seconds=1.5 * step,
        remaining_seconds=1.5 * (100 - step),
        size=(64, 48),
        losses=JobLosses(content=0.1, style=2.0 / 3, total_variation=1e-30, total=1e9),
        in_force={"strength": 0.5},
        preview_step=step,
    )


def result(job_id: str) -> JobResult:
    """Return a stored result of the job."""
    return new_result(key=f"{job_id}/1-result.png", steps=100, evaluations=104)


def new_result(**facts: Any) -> JobResult:
    """Return a result as an engine reports it, with these facts."""
    return JobResult(
        **{
            "key": RESULT,
            "content_type": "image/png",
            "size": (64, 48),
            "steps": 10,
            "evaluations": 12,
            "stop_reason": "total_iterations",
            "model": "vgg16",
            "weights_sha256": "1" * 64,
            "device": "cpu",
            "precision": "fp32",
            **facts,
        }
    )
