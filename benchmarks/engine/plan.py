"""Plans: amount of measuring in a full or a quick run."""

from dataclasses import dataclass, replace

LARGE_BYTES = 6 * 10**9


@dataclass(frozen=True, slots=True)
class Plan:
    heights: tuple[int, ...]
    """Heights of the images whose evaluations are timed."""
    warm_up: int
    repeats: int
    preset_steps: int | None
    """Number of steps of a whole painting; None: the preset's own number."""
    preset_height: int
    preset_rounds: int
    """Number of rounds, in each of which every preset paints an image."""
    curve_height: int
    evaluations: int
    """Number of evaluations in which the loops minimise the loss."""
    quality_height: int
    memory_size: tuple[int, int]
    memory_evaluations: int
    memory_repeats: int
    scaling_sides: tuple[int, ...]
    draft_size: tuple[int, int]
    process_repeats: int
    """Number of repeats of commands that are timed from their start to their exit."""
    large_size: tuple[int, int]
    large_evaluations: int
    """Number of evaluations: one of the initial image, and one for each step."""
    whole_sizes: tuple[tuple[int, int], ...]
    """Sizes of the images that are painted to their end."""
    matrix_side: int
    is_quick: bool = False


FULL = Plan(
    heights=(100, 200, 300, 400),
    warm_up=2,
    repeats=7,
    preset_steps=None,
    preset_height=384,
    preset_rounds=3,
    curve_height=400,
    evaluations=300,
    quality_height=400,
    memory_size=(1024, 768),
    memory_evaluations=4,
    memory_repeats=3,
    scaling_sides=(128, 256, 512, 1024, 2048),
    draft_size=(600, 400),
    process_repeats=7,
    large_size=(3840, 2160),
    large_evaluations=3,
    whole_sizes=((1024, 768), (2048, 1536), (3840, 2160)),
    matrix_side=2048,
)
FULL_ON_GPU = replace(
    FULL, heights=(512, 1024, 2048), scaling_sides=(512, 1024, 2048), matrix_side=8192
)
QUICK = Plan(
    heights=(48,),
    warm_up=1,
    repeats=2,
    preset_steps=6,
    preset_height=48,
    preset_rounds=1,
    curve_height=48,
    evaluations=20,
    quality_height=64,
    memory_size=(128, 96),
    memory_evaluations=2,
    memory_repeats=1,
    scaling_sides=(32, 48, 64),
    draft_size=(48, 32),
    process_repeats=1,
    large_size=(128, 96),
    large_evaluations=2,
    whole_sizes=((64, 48),),
    matrix_side=512,
    is_quick=True,
)


def plan_for(device: str, *, is_quick: bool) -> Plan:
    if is_quick:
        return QUICK
    return FULL if device == "cpu" else FULL_ON_GPU
