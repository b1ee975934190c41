"""`nst serve` is killed in the middle of a film, and continues after its frames."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np

from cli.test_video import film, sound
from support.nst_serve import Server, serve
from support.pictures import panned

FRAMES = 5
SHORT = {"NST_LEASE_SECONDS": "6"}
"""Settings with a lease short enough for a test to wait for its end."""
TINY = {"size": "32", "total_iterations": "16"}


def result(server: Server, job: dict[str, Any], path: Path) -> Path:
    response = server.client.get(f"/api/v1/jobs/{job['id']}/result")
    assert (response.status_code, response.headers["Content-Type"]) == (200, "video/mp4")
    path.write_bytes(response.content)
    return path


def pictures(path: Path) -> list[tuple[float | None, Any]]:
    with av.open(io.BytesIO(path.read_bytes()), "r") as container:
        frames = container.decode(video=0)
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in frames]


def frames(server: Server, job: dict[str, Any]) -> list[str]:
    """Return the names of the painted frames in the storage."""
    folder = server.directory / "data" / "pictures" / job["id"] / "frames"
    return sorted(file.name for file in folder.glob("*.png"))


def killed(server: Server, source: Path) -> tuple[dict[str, Any], list[str]]:
    """Kill the server after two frames of a film or more, and before its end.
    Return the job and its frames. If a busy machine finishes the film first, try again."""
    while True:
        # An equal order of the same owner would be answered at once by the finished film.
        server.client.cookies.clear()
        job = server.submit(source, **TINY)
        server.wait(job["id"], lambda now: now["completed_at"] or len(frames(server, now)) >= 2)
        server.kill()
        if 2 <= len(before := frames(server, job)) < FRAMES:
            return job, before
        server.start()


def test_killed_in_the_middle_of_a_film_it_goes_on(tmp_path: Path) -> None:
    """The film equals that of an uninterrupted job.
    The second attempt takes only the steps of the frames that the first one had not painted."""
    source = tmp_path / "in.mp4"
    film(source, panned(FRAMES), sound="aac")
    with serve(tmp_path / "serve", **SHORT) as server:
        whole = server.submit(source, **TINY)
        assert whole["film"] == {"frames": FRAMES, "seconds": FRAMES / 10, "passes": 1}
        done = server.finished(whole["id"])
        assert (done["status"], done["result"]["frames"]) == ("succeeded", FRAMES)
        steps = done["result"]["steps"]
        expected = result(server, whole, tmp_path / "whole.mp4")

        cut, before = killed(server, source)
        server.start()
        done = server.finished(cut["id"])
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
        assert done["result"]["frames"] == FRAMES
        # The first frame takes 16 steps, and each later one takes one.
        assert done["result"]["steps"] == steps - 16 - (len(before) - 1)
        found = result(server, cut, tmp_path / "cut.mp4")
        ours, others = pictures(found), pictures(expected)
        assert len(ours) == len(others) == FRAMES
        for (time, image), (when, other) in zip(ours, others, strict=True):
            assert time == when
            assert np.array_equal(image, other)
        assert sound(found) == sound(expected) != []
        assert frames(server, cut) == []
        thumb = server.client.get(f"/api/v1/jobs/{cut['id']}/result?thumb=1")
        assert thumb.headers["Content-Type"] == "image/jpeg"
