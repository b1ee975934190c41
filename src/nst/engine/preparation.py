"""Preparation of a scale: its memory, tensors, targets and initial image."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from PIL import Image
from torch import Tensor

from nst.engine.checkpoint import Checkpoint
from nst.engine.device import DTYPES
from nst.engine.inputs import Pictures
from nst.engine.losses.layers import TermLayers
from nst.engine.losses.matching import StyleSampler
from nst.engine.losses.neighbors import Sampling
from nst.engine.losses.objective import Objective
from nst.engine.losses.own import OwnSampler
from nst.engine.losses.temporal import TemporalTarget
from nst.engine.memory.attempts import Attempts, out_of_memory_at
from nst.engine.memory.budget import choose_plan
from nst.engine.memory.kept import memory_for
from nst.engine.memory.plan import Demand
from nst.engine.network.encoder import Encoded, Encoder
from nst.engine.network.weights import Weights
from nst.engine.pictures.styles import mask_as_array, style_size
from nst.engine.pictures.tensors import StyleInput, style_inputs, to_tensor
from nst.engine.scale_task import ScaleTask, in_float32
from nst.engine.scales import Scale
from nst.engine.start import enlarged_start, finer_start, first_start
from nst.engine.targets import Scene, make_encoder, make_terms
from nst.errors import InvalidOption, OutOfMemory
from nst.options import StyleTransferOptions
from nst.progress import MemoryPlan


@dataclass(frozen=True, slots=True)
class Preparation:
    """Preparation of the scales of one transfer, each when its turn comes."""

    pictures: Pictures
    options: StyleTransferOptions
    """Options of the transfer, before any steering."""
    weights: Weights
    device: torch.device
    dtype: torch.dtype
    hands_over: bool
    """Whether the last scale ends in float32, if there is memory for it.
    A checkpoint may have been made after that switch."""
    max_memory_bytes: int | None
    process_bytes: int
    """Bytes that the process held before the first scale.
    A scale is freed before the next one is prepared, so all scales are planned from here."""
    sampler: StyleSampler
    _own: OwnSampler = field(default_factory=OwnSampler, init=False)
    _encoders: dict[torch.dtype, Encoder] = field(default_factory=dict, init=False)
    """The latest encoder, which the next scale uses too unless its number type differs."""

    def plan(self, size: tuple[int, int]) -> MemoryPlan:
        """Return the memory plan of a scale of this size.

        Raises InvalidOption, OutOfMemory.
        """
        return self._plan(self._demand(size, self.dtype))

    def task(
        self,
        scale: Scale,
        options: StyleTransferOptions,
        *,
        coarser: Tensor | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> ScaleTask:
        """Prepare a scale and return its task.

        `options`: options in force. `coarser`: the image that the scale before has painted, if
        there was one. `checkpoint`: a checkpoint of this scale. Raises InvalidOption, OutOfMemory.
        """
        dtype = self.dtype
        if checkpoint and self.hands_over:
            dtype = DTYPES[checkpoint.precision]
        demand = self._demand(scale.size, dtype)
        plan, plan_in_float32 = self._plan(demand, checkpoint), self._plan_in_float32(demand)
        with out_of_memory_at(scale.size, self.device):
            scene, start = self._scene(scale, coarser, checkpoint)
        attempts = Attempts(demand, plan, self.device)
        task = ScaleTask(
            scene, start, attempts, plan_in_float32, self._objective, options, checkpoint
        )
        with memory_for(plan):
            task.compute_in(dtype)
        return task

    def _scene(
        self, scale: Scale, coarser: Tensor | None, checkpoint: Checkpoint | None
    ) -> tuple[Scene, Tensor]:
        """Return the scene of a scale, and the image from which it continues."""
        content = to_tensor(self.pictures.content, scale.size).to(self.device)
        style_scale = self.options.style_scale
        styles = style_inputs(self.pictures.styles, scale.size, style_scale, self.device)
        if checkpoint:
            start = checkpoint.optimizer.x.view_as(content)
            began = checkpoint.began(start)
        else:
            start = began = self._start(content, styles, coarser)
        detail, faces = (
            self._map(picture, scale) for picture in (self.pictures.detail, self.pictures.faces)
        )
        search = scale.search(checkpoint.scale_steps if checkpoint else 1)
        held = self._held(content)
        return Scene(scale, content, styles, began, search, detail, faces, held), start

    def _map(self, picture: Image.Image | None, scale: Scale) -> Tensor | None:
        if picture is None:
            return None
        pixels = mask_as_array(picture, scale.size)
        return torch.from_numpy(pixels)[None, None].to(self.device)

    def _held(self, content: Tensor) -> TemporalTarget | None:
        pictures = self.pictures
        if pictures.held is None or pictures.initial is None:
            return None
        amount = torch.from_numpy(mask_as_array(pictures.held, pictures.size))[None, None]
        image = to_tensor(pictures.initial, pictures.size)
        return TemporalTarget(image.to(content.device), amount.to(content.device))

    def _start(
        self, content: Tensor, styles: Sequence[StyleInput], coarser: Tensor | None
    ) -> Tensor:
        if coarser is None:
            return first_start(self.pictures, content, styles, self.options)
        if self.options.is_matched:
            return enlarged_start(coarser, content, styles)
        return finer_start(coarser, self.pictures, content)

    def _objective(
        self,
        scene: Scene,
        options: StyleTransferOptions,
        dtype: torch.dtype,
        plan: MemoryPlan,
        evaluations: int,
    ) -> Objective:
        encoder, encoded = self._encoder(dtype), None
        if scene.search and plan.tiles == 1:
            encoded = Encoded(scene.began, encoder(scene.began))  # the image to be evaluated next
        sampling = Sampling(plan.tile_side, self.sampler, self._own_sampler(plan), encoded)
        return Objective(
            encoder,
            make_terms(encoder, scene, options, sampling),
            scene.content.shape,
            held=scene.held,
            tile_side=plan.tile_side,
            evaluations=evaluations,
            encoded=encoded,
        )

    def _own_sampler(self, plan: MemoryPlan) -> OwnSampler | None:
        """Return the sampler that keeps the content's features, if memory has room for them."""
        if plan.keeps_freed_memory:
            return self._own
        self._own.forget()
        return None

    def _encoder(self, dtype: torch.dtype) -> Encoder:
        if dtype not in self._encoders:
            self._encoders.clear()  # memory has no room for two
            self._encoders[dtype] = make_encoder(self.weights, self.options, dtype, self.device)
        return self._encoders[dtype]

    def _demand(self, size: tuple[int, int], dtype: torch.dtype) -> Demand:
        styles, style_scale = self.pictures.styles, self.options.style_scale
        layers = TermLayers.of(self.options, self.weights.model)
        return Demand(
            size=size,
            style_sizes=[style_size(style.picture.size, size, style_scale) for style in styles],
            model=self.weights.model,
            number_bytes=dtype.itemsize,
            optimizer=self.options.optimizer,
            has_average=self.options.average > 0,
            has_masks=self.pictures.has_masks,
            is_matched=self.options.is_matched,
            is_held=self.pictures.held is not None,
            process_bytes=self.process_bytes,
            layers=layers.names,
            content_layers=layers.content.keys(),
        )

    def _plan(self, demand: Demand, checkpoint: Checkpoint | None = None) -> MemoryPlan:
        before = (checkpoint.tile_side, checkpoint.history_size) if checkpoint else None
        return choose_plan(demand, self.device, self.max_memory_bytes, before)

    def _plan_in_float32(self, demand: Demand) -> MemoryPlan | None:
        """Return the plan after the switch to float32; None if the number type stays.

        It stays if float32 does not fit, because the coarser scales have been painted by then.
        """
        if not self.hands_over:
            return None
        try:
            return self._plan(in_float32(demand))
        except (InvalidOption, OutOfMemory):
            return None
