"""Results as Markdown tables, which read well on a terminal and in a README."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.engine.schema import (
    Convergence,
    CurvePoint,
    EvaluationTime,
    MatrixProduct,
    PeakMemory,
    Results,
    Spread,
)

Row = Sequence[str]


def render(results: Results) -> str:
    """All tables. Ratios are naive / ours: above 1 ours is better."""
    return "\n\n".join(
        [
            _headline(results),
            *_section("Matrix products", _matrix_products(results.matrix_products)),
            *_section("Time per evaluation", _evaluation_times(results.evaluation_times)),
            *_section(
                f"Share of the {results.method.our_precision} matrix product",
                _shares(results.evaluation_times),
            ),
            *(part for curve in results.convergence for part in _convergence(curve)),
            *_section("Peak memory", _peak_memory(results.peak_memory)),
            *(f"Skipped {reason}." for reason in results.skipped),
        ]
    )


def _headline(results: Results) -> str:
    machine, method = results.machine, results.method
    quick = " A quick run: it shows that everything works, its numbers say nothing." * method.quick
    device = "" if machine.device == "cpu" else f" {machine.device_name},"
    return (
        f"nst {results.nst_version}, {results.measured_on}:{device} {machine.cpu},"
        f" {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.system},"
        f" Python {machine.python}, torch {machine.torch} with {machine.threads} threads."
        f" {method.content} in the style of {method.style}; medians (± half the interquartile"
        f" range) of {method.repeats} rounds after {method.warm_up} to warm up.{quick}"
    )


def _section(title: str, rows: Iterable[Row]) -> list[str]:
    return [f"### {title}", _table(list(rows))]


def _table(rows: Sequence[Row]) -> str:
    """The first row is the head; all columns but the first are numbers."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    rule = [f"{'-' * (width - 1)}:" for width in widths]
    rule[0] = "-" * widths[0]
    return "\n".join(
        "| " + " | ".join(_align(cell, width, i) for i, (cell, width) in enumerate(cells)) + " |"
        for cells in (list(zip(row, widths, strict=True)) for row in (rows[0], rule, *rows[1:]))
    )


def _align(cell: str, width: int, column: int) -> str:
    return cell.rjust(width) if column else cell.ljust(width)


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


def _convergence(curve: Convergence) -> list[str]:
    return [
        *_section(f"Loss after equal evaluations, {_subject(curve)}", _milestones(curve)),
        *_section(f"Evaluations and seconds to a loss, {_subject(curve)}", _targets(curve)),
    ]


def _milestones(curve: Convergence) -> Iterator[Row]:
    yield "evaluations", "naive loss", "our loss", "naive / ours"
    yield "1", *(2 * [f"{curve.start_loss:.3g}"]), "1.00"
    for at in curve.milestones:
        yield (
            str(at.evaluations),
            f"{at.naive_loss:.3g}",
            f"{at.our_loss:.3g}",
            f"{at.ratio:.2f}",
        )


def _targets(curve: Convergence) -> Iterator[Row]:
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


def _subject(measured: EvaluationTime | Convergence | PeakMemory) -> str:
    return f"{measured.model} {measured.width_pixels}×{measured.height_pixels}"


def _spread(spread: Spread, factor: float, digits: int) -> str:
    """Median ± half the interquartile range."""
    return f"{spread.median * factor:.{digits}f} ± {spread.iqr / 2 * factor:.{digits}f}"


def _evaluations(point: CurvePoint | None) -> str:
    return str(point.evaluations) if point else "never"


def _seconds(point: CurvePoint | None) -> str:
    return f"{point.seconds:.1f}" if point else "never"


def _ratio(ratio: float | None) -> str:
    return f"{ratio:.2f}" if ratio else "–"
