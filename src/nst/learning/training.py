"""Training loop, in which a network learns to paint photos in the styles.

[Johnson16] Johnson, Alahi, Fei-Fei: Perceptual Losses for Real-Time Style Transfer, ECCV 2016.
[Kingma15] Kingma, Ba: Adam: A Method for Stochastic Optimization, ICLR 2015.
[Polyak92] Polyak, Juditsky: Acceleration of Stochastic Approximation by Averaging, 1992.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import one_hot

from nst.engine.network.arithmetic import reproducible
from nst.engine.network.encoder import MEAN_RGB
from nst.engine.network.weights import Weights
from nst.engine.optimizer.optimizer import Evaluation
from nst.engine.pictures.tensors import to_tensor
from nst.errors import Diverged
from nst.learned_file import NetworkShape
from nst.learning.grading import PARTS, fit_grade
from nst.learning.network import StyleNetwork, new_network
from nst.learning.objective import LearningObjective
from nst.learning.photos import Photos
from nst.learning.steadiness import Motion
from nst.learning_options import LearningOptions
from nst.progress import Losses

AVERAGE_DECAY = 0.995
"""Decay of the moving average of the parameters [Polyak92].
The average is the network that is kept."""

TEMPORAL_WEIGHT = 3e-4
"""Weight of the temporal term for a style weight of 1.
It is three times the weight in the engine's films, whose frames also follow the optical flow."""


@dataclass(frozen=True, slots=True)
class LearningProgress:
    """Progress of a training after a step."""

    step: int
    steps: int
    """Number of steps after which learning ends; 0: only the time counts."""
    losses: Losses
    """Mean losses of the parts of photos in this step."""
    elapsed_seconds: float
    """Seconds spent on steps, including those before an interruption."""
    remaining_seconds: float

    @property
    def is_last(self) -> bool:
        return self.remaining_seconds == 0


class Training:
    """Network in training; its next step depends only on its state."""

    def __init__(
        self,
        options: LearningOptions,
        styles: Sequence[Image.Image],
        photos: Photos,
        weights: Weights,
        *,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        """Prepare an untrained network for these styles, which are RGB images.
        `dtype`: data type of the encoder's convolutions; the network itself computes in float32."""
        self.options = options
        self.step = 0
        self.seconds = 0.0
        """Seconds spent on the steps so far."""
        shape = NetworkShape(len(styles), options.channels, options.blocks)
        self.network = new_network(shape, options.seed).to(device)
        self.average = {name: each.clone() for name, each in _parameters(self.network).items()}
        """Exponential moving average of the parameters, by name."""
        self._photos = photos
        self._styles = styles
        self._device = device
        self._mean = torch.tensor(MEAN_RGB, device=device).view(1, 3, 1, 1)
        self._objective = LearningObjective(options, styles, weights, device, dtype)
        self._adam = torch.optim.Adam(self.network.parameters(), lr=options.learning_rate)

    def run(self) -> Iterator[LearningProgress]:
        """Train until the limit of steps or minutes; yield the progress of each step.
        Raises Diverged, and InvalidOption if no photo can be read."""
        while not self._progress(NOTHING).is_last:
            started = time.monotonic()
            losses = self._take_step()
            self.seconds += time.monotonic() - started
            yield self._progress(losses)

    def painter(self) -> StyleNetwork:
        """Return a copy of the network so far, with averaged parameters and a grade."""
        network = new_network(self.network.shape, self.options.seed)
        _load(network, {name: tensor.cpu() for name, tensor in self.average.items()})
        seed, size = self.options.seed, self.options.size
        parts = [self._photos.part(f"{seed} grade {number}", size) for number in range(PARTS)]
        fit_grade(network, parts, self._styles)
        return network

    def state(self) -> dict[str, Tensor]:
        """Return all tensors that the next step depends on.
        The next step changes these tensors in place."""
        adam = self._adam.state_dict()["state"]
        return {
            **{f"network.{name}": each for name, each in _parameters(self.network).items()},
            **{f"average.{name}": each for name, each in self.average.items()},
            **{
                f"adam.{index}.{name}": each
                for index, values in adam.items()
                for name, each in values.items()
            },
        }

    def restore(self, state: Mapping[str, Tensor], step: int, seconds: float) -> None:
        """Continue from a state that a training of the same shape returned.
        Raises KeyError, RuntimeError or ValueError if the shape differs."""
        # Cloned: a view of a file may have an alignment at which sums round differently.
        own = self._parts(state)
        _load(self.network, own["network"])
        self.average = {name: own["average"][name].to(self._device) for name in self.average}
        values: dict[int, dict[str, Tensor]] = {}
        for key, tensor in own["adam"].items():
            index, name = key.split(".")
            values.setdefault(int(index), {})[name] = tensor
        self._adam.load_state_dict({**self._adam.state_dict(), "state": values})
        self.step, self.seconds = step, seconds

    @staticmethod
    def _parts(state: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "adam": {}}
        for key, tensor in state.items():
            part, name = key.split(".", 1)
            parts[part][name] = tensor.clone()
        return parts

    def _take_step(self) -> Losses:
        options, first = self.options, self.step * self.options.batch
        numbers = range(first, first + options.batch)
        parts = [self._photos.part(f"{options.seed} {number}", options.size) for number in numbers]
        photos = torch.cat([to_tensor(part, part.size) for part in parts]).to(self._device)
        styles = [number % self.network.shape.styles for number in numbers]
        shares = one_hot(torch.tensor(styles), self.network.shape.styles).to(photos)
        with reproducible():
            losses = self._learn(photos, styles, shares)
        self.step += 1
        self._update_average()
        return losses

    def _learn(self, photos: Tensor, styles: Sequence[int], shares: Tensor) -> Losses:
        """Change the parameters by one step of Adam [Kingma15]."""
        painted = self._paint(photos, shares)
        evaluations = [
            self._evaluate(painted.detach()[part : part + 1], photos[part : part + 1], style, part)
            for part, style in enumerate(styles)
        ]
        gradients = [each.gradient.view(1, *painted.shape[1:]) for each in evaluations]
        losses = _mean([each.losses for each in evaluations])
        roots: list[Tensor] = [painted]
        of_roots: list[Tensor | None] = [torch.cat(gradients) / len(styles)]
        if self.options.steady:
            temporal = self._temporal_loss(photos, painted, shares)
            losses = replace(losses, temporal=temporal.item())
            roots.append(temporal)
            of_roots.append(None)
        self._adam.zero_grad()
        torch.autograd.backward(roots, of_roots)
        self._adam.step()
        return losses

    def _paint(self, photos: Tensor, shares: Tensor) -> Tensor:
        painted: Tensor = self.network(photos + self._mean, shares) - self._mean
        return painted

    def _temporal_loss(self, photos: Tensor, painted: Tensor, shares: Tensor) -> Tensor:
        """Return the weighted loss of the photos' neighbours.
        The step's number determines the motion."""
        motion = Motion.drawn(f"{self.options.seed} motion {self.step}")
        of_moved = self._paint(motion.moved(photos), shares)
        weight = TEMPORAL_WEIGHT * self.options.style_weight
        return weight * motion.loss(painted, of_moved)

    def _evaluate(self, painted: Tensor, photo: Tensor, style: int, part: int) -> Evaluation:
        seed = f"{self.options.seed} places {self.step} {part}"
        evaluation = self._objective(painted.contiguous(), photo, style, seed)
        if not evaluation.is_finite:
            raise Diverged(self.step + 1)
        return evaluation

    @torch.no_grad()
    def _update_average(self) -> None:
        # A smaller decay at first, so that the average forgets the untrained network.
        decay = min(AVERAGE_DECAY, (1 + self.step) / (10 + self.step))
        for name, tensor in _parameters(self.network).items():
            self.average[name].lerp_(tensor, 1 - decay)

    def _progress(self, losses: Losses) -> LearningProgress:
        return LearningProgress(
            self.step, self.options.steps, losses, self.seconds, self._remaining_seconds()
        )

    def _remaining_seconds(self) -> float:
        """Return the seconds until the limit of steps or minutes, whichever comes first."""
        left = []
        if self.options.minutes:
            left.append(60 * self.options.minutes - self.seconds)
        if self.options.steps:
            steps = self.options.steps - self.step
            # The duration of a step is unknown before the first one; assume one second.
            left.append(steps * (self.seconds / self.step if self.step else 1.0))
        return max(0.0, min(left))


NOTHING = Losses(0.0, 0.0, 0.0)


def _parameters(network: StyleNetwork) -> dict[str, Tensor]:
    """Return the parameters by name, without the colour grade."""
    return {name: parameter.detach() for name, parameter in network.named_parameters()}


def _load(network: StyleNetwork, parameters: Mapping[str, Tensor]) -> None:
    """Give the network these parameters; it keeps its colour grade.
    Raises RuntimeError if names or shapes differ."""
    network.load_state_dict({**dict(network.named_buffers()), **parameters})


def _mean(losses: Sequence[Losses]) -> Losses:
    count = len(losses)
    return Losses(
        sum(each.content for each in losses) / count,
        sum(each.style for each in losses) / count,
        sum(each.total_variation for each in losses) / count,
    )
