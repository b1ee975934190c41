"""Bad input: one line names problem and remedy, exit code 2, no partial file."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cli.conftest import Nst, Outcome
from nst.cli.options import FIELDS
from support.pictures import picture


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims to have this size and contains nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def truncated_jpeg(path: Path) -> None:
    picture(200, 200).save(path, "JPEG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


BAD_PICTURES: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: None, "there is no file"),
    "directory": (lambda path: path.mkdir(), "is not a file"),
    "empty": (lambda path: path.touch(), "bad.jpg is "),
    "text": (lambda path: path.write_text("hello"), "is not a picture that can be read; use JPEG"),
    "truncated": (truncated_jpeg, "damaged or cut short"),
    "0×0": (lambda path: path.write_bytes(png_header(0, 0)), "bad.jpg"),
    "1×1": (lambda path: Image.new("RGB", (1, 1)).save(path), "1×1 pixels are too few"),
    "20 000 wide, thin": (
        lambda path: Image.new("RGB", (20_000, 10)).save(path),
        "20000×10 pixels are too few",
    ),
    "20 000 wide, high": (
        lambda path: path.write_bytes(png_header(20_000, 20_000)),
        "too many pixels; make it smaller",
    ),
    "12 000 wide, 14 000 high": (
        lambda path: path.write_bytes(png_header(12_000, 14_000)),
        "more than the 150 million allowed; make it smaller",
    ),
}

BAD_OPTIONS: dict[str, tuple[str, str]] = {
    "content_weight": ("-1", "a number from 0 to 1e12 (got -1)"),
    "style_weight": ("nan", "a number from 0 to 1e12 (got nan)"),
    "tv_weight": ("inf", "a number from 0 to 1e12 (got inf)"),
    "optimizer": ("sgd", "one of lbfgs, adam (got 'sgd')"),
    "model": ("vgg11", "one of vgg19, vgg16 (got 'vgg11'); did you mean vgg1"),
    "init_method": ("zeros", "one of"),
    "total_iterations": ("0", "at least 1 (got 0); 0 is for --init"),
    "learning_rate": ("-0.5", "a number from more than 0 to 1000 (got -0.5)"),
}
BAD_NEW_OPTIONS: dict[str, tuple[str, str]] = BAD_OPTIONS | {
    "size": ("4", "a whole number from 32 to 16000 (got 4)"),
    "style_layers": ("all", "classic, dense, or layers with weights"),
    "content_layers": (
        "relu9_9",
        "layers that vgg19 has, conv1_1 … relu5_4 (got 'relu9_9'); it has no relu9_9",
    ),
    "pooling": ("mean", "one of max, average (got 'mean')"),
    "style_loss": ("cosine", "one of gram, wasserstein, neighbors (got 'cosine')"),
    "padding": ("mirror", "one of zeros, replicate (got 'mirror')"),
    "average": ("1", "a number from 0 to less than 1 (got 1)"),
    "style_blend": ("0.7,much", "a number from 0 to 1000000 for each style, with commas between"),
    "strength": ("1.5", "a number from 0 to 1 (got 1.5)"),
    "flourish": ("-0.1", "a number from 0 to 1 (got -0.1)"),
    "style_scale": ("0", "a number from 0.1 to 10 (got 0)"),
    "protect": ("face", "one of none, faces, person (got 'face'); did you mean faces?"),
    "color": ("sepia", "one of style, match, luminance (got 'sepia')"),
    "color_amount": ("-0.1", "a number from 0 to 1 (got -0.1)"),
    "scales": ("9", "a whole number from 1 to 8 (got 9)"),
    "convergence_tolerance": ("1", "a number from 0 to less than 1 (got 1)"),
    "convergence_window": ("0", "a whole number from 1 to 1000000 (got 0)"),
    "save_every": ("-3", "a whole number from 0 to 1000000 (got -3)"),
    "bit_depth": ("12", "one of 8, 16 (got 12)"),
    "seed": ("half", "a whole number from 0 to 9223372036854775807 (got 'half')"),
}


def check(outcome: Outcome, says: str, directory: Path, left: set[str]) -> None:
    assert outcome.code == 2, outcome
    (line,) = outcome.error_lines
    assert line.startswith("nst: ")
    assert says in line
    assert outcome.out == ""
    assert {file.name for file in directory.iterdir()} == left


@pytest.mark.parametrize("kind", BAD_PICTURES)
@pytest.mark.parametrize("role", ["content", "style"])
def test_bad_pictures(nst: Nst, tmp_path: Path, content: Path, kind: str, role: str) -> None:
    make, says = BAD_PICTURES[kind]
    make(tmp_path / "bad.jpg")
    left = {file.name for file in tmp_path.iterdir()}
    pictures = ["bad.jpg", content] if role == "content" else [content, "bad.jpg"]
    outcome = nst("stylize", *pictures, "-o", "out.png")
    check(outcome, says, tmp_path, left)
    assert f"{role} image: " in outcome.err


@pytest.mark.parametrize("kind", BAD_PICTURES)
def test_bad_pictures_for_the_compatible_command(
    compatible: Nst, tmp_path: Path, kind: str
) -> None:
    make, says = BAD_PICTURES[kind]
    make(tmp_path / "bad.jpg")
    left = {file.name for file in tmp_path.iterdir()}
    check(compatible("--content_image_path", "bad.jpg"), says, tmp_path, left)


def test_every_option_has_a_bad_value_here() -> None:
    assert set(BAD_NEW_OPTIONS) == set(FIELDS)


@pytest.mark.parametrize("name", BAD_NEW_OPTIONS)
def test_bad_options(nst: Nst, tmp_path: Path, content: Path, style: Path, name: str) -> None:
    value, says = BAD_NEW_OPTIONS[name]
    outcome = nst("stylize", content, style, f"--{name.replace('_', '-')}={value}")
    check(outcome, f"nst: --{name.replace('_', '-')} must be {says}", tmp_path, set())


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_options_of_the_compatible_command(compatible: Nst, tmp_path: Path, name: str) -> None:
    value, says = BAD_OPTIONS[name]
    check(compatible(f"--{name}={value}"), f"nst: --{name} must be {says}", tmp_path, set())


def test_a_bad_output_of_the_compatible_command(compatible: Nst, tmp_path: Path) -> None:
    outcome = compatible("--output_file=foo", "--height=48")
    check(outcome, "--output_file must be a name ending in .png, .jpg", tmp_path, set())


def test_blanks_in_the_name_of_a_file_are_kept(nst: Nst, tmp_path: Path, style: Path) -> None:
    check(nst("stylize", "my  cat.png", style), "there is no file my  cat.png", tmp_path, set())


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "often"])
def test_bad_intervals_of_checkpoints(
    nst: Nst, tmp_path: Path, content: Path, style: Path, seconds: str
) -> None:
    outcome = nst("stylize", content, style, f"--checkpoint-every={seconds}")
    check(outcome, "a number of seconds, at least 0", tmp_path, set())
    assert f"(got {'-1' if seconds == '-1' else repr(seconds)})" in outcome.err


@pytest.mark.parametrize("height", ["0", "-5", "100000", "ten"])
def test_bad_heights(compatible: Nst, tmp_path: Path, height: str) -> None:
    outcome = compatible(f"--height={height}")
    check(outcome, "height", tmp_path, set())
    assert height.strip("-") in outcome.err


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("out.bmp", "a name ending in .png, .jpg"),
        ("out", "a name ending in .png, .jpg"),
        ("folder.png", "this is a directory"),
        ("file/out.png", "a place that can be written"),
        ("/proc/out.png", "a place that can be written"),
    ],
)
def test_an_output_that_cannot_be_written(
    nst: Nst, tmp_path: Path, content: Path, style: Path, output: str, says: str
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").touch()
    outcome = nst("stylize", content, style, "-o", output)
    check(outcome, says, tmp_path, {"folder.png", "file"})
    assert output in outcome.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name two pictures"),
        (["one.png"], "name two pictures"),
        (["one.png", "--style-mask", "m.png"], "name two pictures"),
        (["a.png", "b.png", "--sise=3"], "--size"),
        (["--preset", "best"], "one of quality, fast, gram, draft, classic (got 'best')"),
        (["--preset", "qualty"], "(got 'qualty'); did you mean quality?"),
        (["--precision", "fp31"], "did you mean fp32?"),
        (["--from-image", "x.png", "--preset", "fast"], "exclude each other"),
        (
            ["--from-image", "x.png"],
            "--from-image must be an image or a recipe.json that nst saved (got 'x.png'); "
            "there is no file x.png",
        ),
        (["--device", "tpu"], "--device must be one of auto, cuda, mps, cpu (got 'tpu')"),
        (["one.png", "--detail-map", "m.png"], "name two pictures"),
        (["--resume", "x", "--detail-map", "m.png"], "--resume takes pictures and options from"),
        (["a.png", "b.png", "--init-image=c.png", "--init-method=style"], "exclude each other"),
    ],
)
def test_bad_usage(nst: Nst, tmp_path: Path, arguments: list[str], says: str) -> None:
    outcome = nst("stylize", *arguments)
    check(outcome, says, tmp_path, set())
    if "no file" not in says:
        assert outcome.err.endswith("(see `nst stylize --help`)\n")


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ("relu3_4", "layers that vgg16 has, conv1_1 … relu5_3; it has no relu3_4"),
        ("relu1_1=0,relu2_1", "finite weights greater than 0; that of relu1_1 is 0"),
        ("relu1_1=-1", "classic, dense, or layers with weights greater than 0, like relu1_1=1"),
        ("relu1_1,relu1_1", "each layer once; relu1_1 is there twice"),
        ("", "classic, dense, or layers with weights greater than 0, like relu1_1=1"),
    ],
)
def test_bad_layers(
    nst: Nst, tmp_path: Path, content: Path, style: Path, layers: str, says: str
) -> None:
    outcome = nst("stylize", content, style, "--model=vgg16", f"--style-layers={layers}")
    condition, *rest = says.split("; ")
    check(outcome, f"--style-layers must be {condition}", tmp_path, set())
    assert f"(got {layers!r})" in outcome.err
    assert all(more in outcome.err for more in rest)


def test_layers_that_only_the_missing_model_has(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    """The bundled vgg16 stands in for vgg19, which is the default."""
    outcome = nst("stylize", content, style, "--preset=gram", "--style-layers=relu3_4", "--size=48")
    assert outcome.code == 2
    assert outcome.error_lines[-1] == (
        "nst: --style-layers must be layers that vgg16 has, conv1_1 … relu5_3 (got 'relu3_4'); "
        "it has no relu3_4 (vgg16 stands in for vgg19)"
    )
    assert not list(tmp_path.iterdir())


def test_both_weights_zero(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    outcome = nst("stylize", content, style, "--content-weight=0", "--style-weight=0")
    check(outcome, "greater than 0", tmp_path, set())


def test_a_picture_without_a_recipe(nst: Nst, tmp_path: Path) -> None:
    picture().save(tmp_path / "plain.png")
    outcome = nst("stylize", "--from-image", "plain.png")
    check(outcome, "carries no recipe", tmp_path, {"plain.png"})


def test_a_recipe_whose_picture_has_changed(nst: Nst, tmp_path: Path, style: Path) -> None:
    tiny = ("--size=48", "--total-iterations=1", "--model=vgg16")
    picture().save(tmp_path / "a.png")
    assert nst("stylize", "a.png", style, "-o", "out.png", *tiny).code == 0
    picture().rotate(90).save(tmp_path / "a.png")
    outcome = nst("stylize", "--from-image", "out.png", "-o", "again.png")
    check(outcome, "has changed since", tmp_path, {"a.png", "out.png"})
    (tmp_path / "a.png").unlink()
    outcome = nst("stylize", "--from-image", "out.png", "-o", "again.png")
    check(outcome, "nst stylize CONTENT STYLE --from-image out.png", tmp_path, {"out.png"})


@pytest.mark.parametrize("preset", ["quality", "draft"])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--style-mask=gone.png"], "mask image: there is no file gone.png"),
        (["--style-mask=square.png"], "mask image: 32×32 pixels have another shape than"),
        (["--style-mask=black.png"], "mask image: it is black everywhere"),
        (
            ["--style-mask=-", "--style-mask=-"],
            "--style-mask must be no more masks than styles (got 2)",
        ),
        (
            ["--style-blend=0.7,0.3"],
            "--style-blend must be as many shares as styles, here 1 (got 0.7,0.3)",
        ),
        (["--style-blend=0"], "--style-blend must be a share greater than 0 (got 0)"),
        (["gone.png"], "style image: there is no file gone.png"),
    ],
)
def test_bad_styles_and_masks(
    nst: Nst,
    tmp_path: Path,
    content: Path,
    style: Path,
    arguments: list[str],
    says: str,
    preset: str,
) -> None:
    Image.new("L", (32, 32), 255).save(tmp_path / "square.png")
    Image.new("L", (48, 32)).save(tmp_path / "black.png")
    outcome = nst("stylize", content, style, *arguments, f"--preset={preset}")
    check(outcome, says, tmp_path, {"square.png", "black.png"})


@pytest.mark.parametrize(
    ("arguments", "lost"),
    [
        ((), "photo.png"),
        (("-o", "link.png"), "link.png"),
        (("--detail-map=map.png", "-o", "map.png"), "map.png"),
    ],
)
def test_no_input_is_overwritten(
    nst: Nst, tmp_path: Path, style: Path, arguments: tuple[str, ...], lost: str
) -> None:
    """An interrupted run could not continue without it."""
    picture(48, 32).save(tmp_path / "photo.png")
    Image.linear_gradient("L").resize((48, 32)).save(tmp_path / "map.png")
    (tmp_path / "link.png").symlink_to("photo.png")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    target = arguments if "-o" in arguments else ("-o", lost)
    outcome = nst("stylize", "photo.png", style, "--overwrite", *target, *arguments)
    says = f"--output must be another name (got '{lost}'); this file is an input"
    check(outcome, says, tmp_path, set(before))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--detail-map=gone.png"], "detail map image: there is no file gone.png"),
        (["--detail-map=square.png"], "detail map image: 32×32 pixels have another shape than"),
        (["--detail-map=black.png"], "detail map image: it is black everywhere; make it white"),
        (["--detail-map=white.png"], "it is white everywhere; leave it out and use a lower stren"),
        (["--detail-map=half.png", "--preset=draft"], "at least 1 with a detail map"),
        (
            ["--protect=faces", "--preset=draft"],
            "--protect must be none with a draft or a learned style (got 'faces')",
        ),
    ],
)
def test_bad_detail_maps(
    nst: Nst, tmp_path: Path, style: Path, arguments: list[str], says: str
) -> None:
    picture(48, 32).save(tmp_path / "photo.png")
    Image.new("L", (32, 32), 255).save(tmp_path / "square.png")
    Image.new("L", (48, 32)).save(tmp_path / "black.png")
    Image.new("L", (48, 32), 255).save(tmp_path / "white.png")
    Image.linear_gradient("L").resize((48, 32)).save(tmp_path / "half.png")
    outcome = nst("stylize", "photo.png", style, *arguments)
    check(
        outcome, says, tmp_path, {f"{n}.png" for n in ("photo", "square", "black", "white", "half")}
    )


@pytest.mark.parametrize("command", ["batch", "video"])
def test_detail_maps_are_for_single_pictures(
    nst: Nst, tmp_path: Path, content: Path, style: Path, command: str
) -> None:
    outcome = nst(command, content, style, "-o", "out", "--detail-map=m.png")
    check(outcome, "--detail-map", tmp_path, set())


@pytest.mark.parametrize("role", ["content", "style"])
def test_an_address_is_to_be_downloaded_first(
    nst: Nst, tmp_path: Path, content: Path, role: str
) -> None:
    address = "https://example.org/a%20cat.jpg?size=2"
    pictures = [address, content] if role == "content" else [content, address]
    says = f"{role} image: {address} is an address; download it first and name the file"
    check(nst("stylize", *pictures), says, tmp_path, set())


def test_a_picture_to_start_from_that_is_missing(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    outcome = nst("stylize", content, style, "--init-image", "gone.png")
    check(outcome, "initial image: there is no file gone.png", tmp_path, set())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--timelapse=film.avi"], "a name ending in .mp4, .webp, .gif"),
        (["--timelapse=/proc/film.mp4"], "--timelapse must be a place that can be written"),
        (["--timelapse=film.gif", "--preset=draft"], "at least 1 for a time-lapse"),
        (
            ["--timelapse=same.webp", "--output=new/../same.webp", "--overwrite"],
            "--timelapse must be another file than the output (got 'same.webp')",
        ),
    ],
)
def test_bad_timelapses(
    nst: Nst, tmp_path: Path, content: Path, style: Path, arguments: list[str], says: str
) -> None:
    check(nst("stylize", content, style, *arguments), says, tmp_path, set())


def test_a_draft_starts_from_no_picture(
    nst: Nst, tmp_path: Path, content: Path, style: Path
) -> None:
    outcome = nst("stylize", content, style, "--preset=draft", "--init-image", content)
    check(outcome, "at least 1 to start from a picture", tmp_path, set())


def test_a_device_that_is_not_here(nst: Nst, tmp_path: Path, content: Path, style: Path) -> None:
    outcome = nst("stylize", content, style, "--device", "mps")
    check(outcome, "--device must be auto, or what is here: cpu", tmp_path, set())


def test_a_wrong_environment_variable_is_named(
    nst: Nst, monkeypatch: pytest.MonkeyPatch, content: Path, style: Path
) -> None:
    monkeypatch.setenv("NST_OFFLINE", "perhaps")
    outcome = nst("stylize", content, style)
    assert outcome.code == 2
    assert "NST_OFFLINE: 'perhaps'" in outcome.err


@pytest.mark.parametrize("name", ["out.jpg", "out.JPEG", "out.webp"])
@pytest.mark.parametrize("preset", ["quality", "draft"])
def test_16_bits_in_a_format_that_does_not_hold_them(
    nst: Nst, tmp_path: Path, content: Path, style: Path, name: str, preset: str
) -> None:
    outcome = nst("stylize", content, style, "-o", name, "--bit-depth=16", f"--preset={preset}")
    says = f"--bit-depth must be 8 for a {Path(name).suffix} file, or an output "
    check(outcome, f"{says}ending in .png, .tif, .tiff", tmp_path, set())


@pytest.mark.parametrize("format_name", ["jpg", "webp"])
def test_a_batch_with_16_bits_in_a_format_that_does_not_hold_them(
    nst: Nst, tmp_path: Path, content: Path, style: Path, format_name: str
) -> None:
    arguments = ("-o", "results", f"--format={format_name}", "--bit-depth=16")
    outcome = nst("batch", content, style, *arguments)
    check(outcome, f"--bit-depth must be 8 for a .{format_name} file", tmp_path, set())


def test_a_video_has_no_bit_depth(nst: Nst, style: Path) -> None:
    outcome = nst("video", "film.mp4", style, "--bit-depth=16")
    assert outcome.code == 2
    assert "No such option" in outcome.err
