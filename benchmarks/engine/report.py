"""Results as Markdown tables, which are legible in a terminal and in a README."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.engine.schema import (
    Arm,
    CurvePoint,
    Curves,
    DraftTime,
    EvaluationTime,
    LargePicture,
    MatrixProduct,
    Measured,
    PeakMemory,
    PictureQuality,
    PresetTime,
    Record,
    Results,
    Scaling,
    Spread,
    StartupTime,
    WholePicture,
)
from benchmarks.engine.targets import Verdict, seconds_ratio, verdicts

Row = Sequence[str]


def render(results: Results) -> str:
    """Return all tables of the results.
    Ratios are naive / ours, so that ours is better above 1; heads of tables state exceptions."""
    return "\n\n".join(
        [
            _headline(results),
            *_section("Targets", (), targets_met(verdicts(results))),
            *(
                part
                for title, rows, table in _sections(results)
                if rows
                for part in _section(title, rows, table)
            ),
            *(f"Skipped {reason}." for reason in results.skipped),
        ]
    )


def _sections(results: Results) -> Iterator[tuple[str, Sequence[Measured], Iterable[Row]]]:
    """Yield each section's title, its measurements and its table."""
    times, curves = results.evaluation_times, results.curves
    share = f"Share of the {results.method.our_precision} matrix product"
    yield "Matrix products", results.matrix_products, _matrix_products(results.matrix_products)
    yield "Time per evaluation", times, _evaluation_times(times)
    yield share, times, _shares(times)
    yield "Presets side by side", results.presets, _presets(results.presets)
    yield "To the naive loop's last loss", curves, _last_losses(curves)
    for curve in curves:
        yield f"Loss after equal evaluations, {_pair(curve)}", [curve], _milestones(curve)
        yield f"Evaluations and seconds to a loss, {_pair(curve)}", [curve], _targets(curve)
    yield "Automatic precision beside float32", curves, _precisions(curves)
    yield "Cores in use while the loops took turns", curves, _cores(curves)
    yield "Finished pictures", results.quality, _quality(results.quality)
    yield "Peak memory", results.peak_memory, _peak_memory(results.peak_memory)
    yield "Time per evaluation from size to size", results.scaling, _scaling(results.scaling)
    yield "Draft", results.drafts, _drafts(results.drafts)
    yield "Start of the program", results.startups, _startups(results.startups)
    yield "A large picture", results.large_pictures, _large_pictures(results.large_pictures)
    yield "Whole pictures", results.whole_pictures, _whole_pictures(results.whole_pictures)


def _headline(results: Results) -> str:
    machine, method = results.machine, results.method
    quick = " A quick run: it shows that everything works, its numbers say nothing." * method.quick
    device = "" if machine.device == "cpu" else f" {machine.device_name},"
    return (
        f"nst {results.versions}:{device} {machine.cpu},"
        f" {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.system},"
        f" Python {machine.python}, torch {machine.torch} with {machine.threads} threads."
        f" {method.content} in the style of {method.style}; medians (± half the interquartile"
        f" range) of the rounds that each table names.{quick}"
    )


def _section(title: str, measured: Sequence[Measured], rows: Iterable[Row]) -> list[str]:
    days = ", ".join(sorted({str(row.measured_on) for row in measured}))
    about = [f"Measured on {days}{_rounds(measured)}."] if days else []
    return [f"### {title}", *about, table(list(rows))]


def _rounds(measured: Iterable[Measured]) -> str:
    """Return how often the values of these rows were measured, as the end of a sentence."""
    found = sorted({n for row in measured for n in _numbers_of_values(row)})
    if not found or found == [1]:
        return ", in single runs"
    return f", in {' or '.join(map(str, found))} rounds"


def _numbers_of_values(node: object) -> Iterator[int]:
    if isinstance(node, Spread):
        yield node.n
    elif isinstance(node, Record):
        for field in type(node).model_fields:
            yield from _numbers_of_values(getattr(node, field))
    elif isinstance(node, tuple):
        for item in node:
            yield from _numbers_of_values(item)


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table.
    The first row is the head; all columns except the first are numbers."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = [f"{'-' * (width - 1)}:" for width in widths]
    rule[0] = "-" * widths[0]
    return "\n".join(
        "| " + " | ".join(_align(cell, width, i) for i, (cell, width) in enumerate(cells)) + " |"
        for cells in (list(zip(row, widths, strict=True)) for row in (rows[0], rule, *rows[1:]))
    )


def _align(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


def targets_met(judged: Iterable[Verdict]) -> Iterator[Row]:
    """Yield a head, and a row for every target."""
    yield "what", "target", "measured", "met"
    for verdict in judged:
        measured = verdict.measured
        yield (
            verdict.what,
            verdict.target,
            "–" if measured is None else f"{measured:.4g}{verdict.unit}",
            {True: "yes", False: "no", None: "not measured"}[verdict.is_met],
        )


def _matrix_products(products: Iterable[MatrixProduct]) -> Iterator[Row]:
    yield "product", "side", "best GFLOP/s"
    for product in products:
        speed = product.best_flops_per_second / 1e9
        yield f"{product.dtype} {product.kernel}", str(product.side), f"{speed:.0f}"


def _evaluation_times(times: Iterable[EvaluationTime]) -> Iterator[Row]:
    yield "model, picture", "naive ms", "ours ms", "naive / ours", "busy cores"
    for time in times:
        yield (
            _subject(time),
            _spread(time.naive_seconds, 1e3, 0),
            _spread(time.our_seconds, 1e3, 0),
            _spread(time.ratio, 1, 2),
            f"{time.busy_cores:.1f}",
        )


def _shares(times: Iterable[EvaluationTime]) -> Iterator[Row]:
    yield "model, picture", "GFLOP", "encoder alone ms", "encoder %", "whole evaluation %"
    for time in times:
        yield (
            _subject(time),
            f"{time.convolution_flops / 1e9:.1f}",
            _spread(time.our_encoder_seconds, 1e3, 0),
            _spread(time.encoder_share, 100, 0),
            _spread(time.evaluation_share, 100, 0),
        )


def _presets(measured: Iterable[PresetTime]) -> Iterator[Row]:
    yield "model, picture, preset", "s", "seconds, preset / gram", "network, % of an evaluation"
    for row in measured:
        yield (
            f"{_subject(row)} {row.preset}",
            _counted(row.seconds, 1, 1),
            _counted(row.ratio, 1, 2),
            _counted(row.network_share, 100, 0),
        )


def _last_losses(curves: Iterable[Curves]) -> Iterator[Row]:
    yield (
        *("model, pair", "naive loss", "naive evals", "our evals", "naive s", "our s"),
        *("seconds, ours / naive", "loss after equal evaluations, ours / naive"),
    )
    for curve in curves:
        last = curve.targets[-1]
        yield (
            _pair(curve),
            f"{last.loss:.3g}",
            _evaluations(last.naive),
            _evaluations(last.ours),
            _seconds(last.naive),
            _seconds(last.ours),
            f"{seconds_ratio(curve):.3f}",
            f"{1 / curve.milestones[-1].ratio:.3f}",
        )


def _precisions(curves: Iterable[Curves]) -> Iterator[Row]:
    yield (
        *("model, pair", "worst loss at equal time, automatic / float32", "at s"),
        "loss after equal evaluations, automatic / float32",
    )
    for curve in curves:
        compared = curve.precisions
        yield (
            _pair(curve),
            f"{compared.worst_at_equal_time:.3f}",
            f"{compared.worst_seconds:.1f}",
            f"{compared.after_equal_evaluations:.3f}",
        )


def _cores(curves: Iterable[Curves]) -> Iterator[Row]:
    """Yield the cores of the three loops during their own turns and between them."""
    yield "model, pair", "naive", "ours", "ours in float32"
    for curve in curves:
        arms = (curve.naive, curve.ours, curve.ours_in_float32)
        yield _pair(curve), *(_busy_and_idle(arm) for arm in arms)


def _busy_and_idle(arm: Arm) -> str:
    return f"{arm.busy_cores:.2f}, idle {arm.idle_cores:.3f}"


def _milestones(curve: Curves) -> Iterator[Row]:
    yield "evaluations", "naive loss", "our loss", "naive / ours"
    yield "1", *(2 * [f"{curve.start_loss:.3g}"]), "1.00"
    for at in curve.milestones:
        yield (
            str(at.evaluations),
            f"{at.naive_loss:.3g}",
            f"{at.our_loss:.3g}",
            f"{at.ratio:.2f}",
        )


def _targets(curve: Curves) -> Iterator[Row]:
    yield (
        *("loss", "of the start", "naive evals", "our evals", "naive / ours"),
        *("naive s", "our s", "naive / ours"),
    )
    for target in curve.targets:
        yield (
            f"{target.loss:.3g}",
            f"{target.share_of_start:.2%}",
            _evaluations(target.naive),
            _evaluations(target.ours),
            _ratio(target.evaluations_ratio),
            _seconds(target.naive),
            _seconds(target.ours),
            _ratio(target.seconds_ratio),
        )


def _quality(pictures: Iterable[PictureQuality]) -> Iterator[Row]:
    yield (
        "model, pictures",
        "by",
        "s (preset: mean of 2)",
        "distances",
        "content distance",
        "style distance",
    )
    for row in pictures:
        size = f"{row.width_pixels}×{row.height_pixels}"
        subject = f"{row.model} {size} {row.content} + {row.style}"
        naive = f"naive, {row.naive_evaluations} evaluations"
        for name, judged in ((naive, row.naive), (f"preset {row.preset}", row.ours)):
            yield (
                subject,
                name,
                f"{judged.seconds:.0f}",
                judged.measure,
                f"{judged.content_distance:.3f}",
                f"{judged.style_distance:.4f}",
            )


def _peak_memory(measured: Iterable[PeakMemory]) -> Iterator[Row]:
    yield (
        *("model, picture", "naive MiB", "ours MiB", "naive / ours"),
        *("naive full history MiB", "our full history MiB"),
    )
    for memory in measured:
        yield (
            _subject(memory),
            _spread(memory.naive_bytes, 2**-20, 0),
            _spread(memory.our_bytes, 2**-20, 0),
            f"{memory.ratio:.2f}",
            f"{memory.naive_history_bytes / 2**20:.0f}",
            f"{memory.our_history_bytes / 2**20:.0f}",
        )


def _scaling(measured: Iterable[Scaling]) -> Iterator[Row]:
    yield "model, picture", "ms", "exponent since the size before", "exponent of all"
    for scaling in measured:
        segments = ["–", *(f"{segment:.2f}" for segment in scaling.segment_exponents)]
        for size, segment in zip(scaling.sizes, segments, strict=True):
            yield (
                f"{scaling.model} {size.side_pixels}×{size.side_pixels}",
                _counted(size.seconds, 1e3, 0),
                segment,
                f"{scaling.exponent:.3f}" if size == scaling.sizes[-1] else "",
            )


def _drafts(measured: Iterable[DraftTime]) -> Iterator[Row]:
    yield "picture", "warm ms", "whole command ms"
    for draft in measured:
        yield (
            f"{draft.width_pixels}×{draft.height_pixels}",
            _spread(draft.warm_seconds, 1e3, 0),
            _spread(draft.cold_seconds, 1e3, 0),
        )


def _startups(measured: Iterable[StartupTime]) -> Iterator[Row]:
    yield "command", "ms"
    for startup in measured:
        yield startup.command, _spread(startup.seconds, 1e3, 0)


def _large_pictures(measured: Iterable[LargePicture]) -> Iterator[Row]:
    yield "model, picture", "allowed GB", "peak GB", "evaluations", "s"
    for large in measured:
        yield (
            _subject(large),
            f"{large.max_memory_bytes / 1e9:.2f}",
            f"{large.peak_bytes / 1e9:.2f}",
            str(large.evaluations),
            f"{large.seconds:.0f}",
        )


def _whole_pictures(measured: Iterable[WholePicture]) -> Iterator[Row]:
    yield "model, picture, preset", "allowed GB", "peak GB", "minutes"
    for row in measured:
        yield (
            f"{_subject(row)} {row.preset}",
            f"{row.max_memory_bytes / 1e9:.2f}",
            f"{row.peak_bytes / 1e9:.2f}",
            f"{row.seconds / 60:.1f}",
        )


def _subject(
    measured: EvaluationTime | PresetTime | Curves | PeakMemory | LargePicture | WholePicture,
) -> str:
    return f"{measured.model} {measured.width_pixels}×{measured.height_pixels}"


def _pair(curve: Curves) -> str:
    return f"{_subject(curve)} {curve.content} + {curve.style}"


def _spread(spread: Spread, factor: float, digits: int) -> str:
    """Return the median ± half the interquartile range."""
    return f"{spread.median * factor:.{digits}f} ± {spread.iqr / 2 * factor:.{digits}f}"


def _counted(spread: Spread, factor: float, digits: int) -> str:
    """Return the spread and its number of values, for tables in which the number varies."""
    return f"{_spread(spread, factor, digits)} (n={spread.n})"


def _evaluations(point: CurvePoint | None) -> str:
    return str(point.evaluations) if point else "never"


def _seconds(point: CurvePoint | None) -> str:
    return f"{point.seconds:.1f}" if point else "never"


def _ratio(ratio: float | None) -> str:
    return f"{ratio:.2f}" if ratio else "–"
