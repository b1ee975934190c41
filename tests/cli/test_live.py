"""`nst live` with a film instead of a camera, for a browser on this machine."""

import io
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from cli.conftest import NST, Nst
from cli.test_video import film
from nst import LearnedStyle, StyleTransferOptions
from nst.cli.live_stream import LiveStream
from nst.learning.live import Rate
from support.pictures import picture
from support.waiting import PATIENCE_SECONDS
from unit.learning import tiny


@pytest.fixture
def style(tmp_path: Path) -> Path:
    return tiny.saved(tmp_path / "waves.nst")


@pytest.fixture
def stream(style: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield a running command, and the address of its stream."""
    film(tmp_path / "in.mp4", [picture(48, 32)] * 3)
    files = str(style), str(tmp_path / "in.mp4")
    command = [NST, "live", *files, "--port", "0", "--precision", "fp32"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    yield process, process.stdout.readline().strip()
    process.kill()
    process.communicate()


def frames(address: str, count: int) -> list[Image.Image]:
    """Return the first frames of a stream, as a browser reads them."""
    data, found = b"", list[Image.Image]()
    with httpx.stream("GET", f"{address}stream", timeout=PATIENCE_SECONDS) as response:
        assert response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        for part in response.iter_bytes():
            data += part
            while head := re.match(rb"--frame\r\n[^\0]*?Length: (\d+)\r\n\r\n", data):
                end = head.end() + int(head[1])
                if len(data) < end + 2:
                    break
                found.append(Image.open(io.BytesIO(data[head.end() : end])))
                data = data[end + 2 :]
            if len(found) >= count:
                return found
    raise AssertionError("the stream ended")


def test_an_option_without_effect_is_said(style: Path, tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", [picture(48, 32)] * 3)
    files = str(style), str(tmp_path / "in.mp4")
    command = [NST, "live", *files, "--port", "0", "--color-amount", "0.3"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline().startswith("http")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert "--color-amount has no effect with --color style" in err


def test_a_film_is_a_stream_until_ctrl_c(
    stream: tuple[subprocess.Popen[str], str], style: Path, tmp_path: Path
) -> None:
    process, address = stream
    # Five frames, more than the three of the film, show that it begins again.
    (first, *_) = seen = frames(address, 5)
    assert {frame.size for frame in seen} == {(480, 320)}
    options = StyleTransferOptions.from_preset("draft", size=480)
    painted = LearnedStyle.load(style, precision="fp32").paint(picture(48, 32), options).image
    ours = np.asarray(painted, dtype=float)
    assert np.abs(np.asarray(first, dtype=float) - ours).mean() < 12
    assert "frames per second" in httpx.get(address, timeout=PATIENCE_SECONDS).text
    assert float(httpx.get(f"{address}rate", timeout=PATIENCE_SECONDS).text) > 0
    assert httpx.get(f"{address}other", timeout=PATIENCE_SECONDS).status_code == 404
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert re.search(r"^nst: \d+\.\d frames per second at the end$", err, re.MULTILINE)


def test_no_other_site_reads_the_stream(stream: tuple[subprocess.Popen[str], str]) -> None:
    _, address = stream
    evil = httpx.get(address, headers={"Host": "evil.example"}, timeout=PATIENCE_SECONDS)
    assert evil.status_code == 403
    ours = httpx.get(address, timeout=PATIENCE_SECONDS)
    assert ours.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_browsers_leave_out_the_default_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test may not bind port 80, so the stream only claims to have bound it."""
    stream = LiveStream(0, lambda: 0.0)
    address = stream.address
    with stream.served():
        assert status(address, "127.0.0.1") == 403
        monkeypatch.setattr(LiveStream, "port", 80)
        for host in ("127.0.0.1", "localhost", "localhost:80"):
            assert status(address, host) == 200
        assert status(address, "evil.example") == 403


def status(address: str, host: str) -> int:
    return httpx.get(address, headers={"Host": host}, timeout=PATIENCE_SECONDS).status_code


def test_no_camera(nst: Nst, style: Path) -> None:
    outcome = nst("live", style, "--camera", 97, "--port", 0)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--camera must be the number of a camera that is connected" in outcome.err
    assert "name a film instead" in outcome.err


def test_bad_input(nst: Nst, style: Path, tmp_path: Path) -> None:
    for arguments, reason in (
        (("painting.jpg",), "STYLE must be a .nst file (got 'painting.jpg'); nst learn makes one"),
        (("none.nst",), "none.nst does not exist"),
        ((style, "none.mp4", "--port", 0), "there is no file of this name"),
        ((style, "--color", "match"), "--color must be one of style, luminance (got 'match')"),
    ):
        outcome = nst("live", *arguments)
        assert outcome.code == 2
        assert reason in outcome.err
        assert len(outcome.error_lines) == 1


def test_the_help_offers_only_colours_of_learned_styles(nst: Nst) -> None:
    shown = nst("live", "--help").out
    assert "--color [style|luminance]" in shown
    assert "match" not in shown


def test_a_port_that_is_taken(
    stream: tuple[subprocess.Popen[str], str], nst: Nst, style: Path
) -> None:
    port = int(stream[1].rstrip("/").rsplit(":", 1)[1])
    outcome = nst("live", style, "in.mp4", "--port", port)
    assert outcome.code == 2
    assert "a port that is free" in outcome.err


def test_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Rate()
    assert rate.per_second == 0.0
    for now in (10.0, 10.5, 11.0):
        monkeypatch.setattr(time, "monotonic", lambda now=now: now)
        rate.tick()
    assert rate.per_second == 2.0
