"""Training a changed model to answer as its original does, on calibration inputs alone.

Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; outputs are matched by their
squared error (Kim et al., "Comparing Kullback-Leibler Divergence and Mean Squared Error Loss in
Knowledge Distillation", 2021), inner tensors as Romero et al., "FitNets", 2015.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optim.arrays import Array, Feeds
from optim.errors import StepError
from optim.passes.support.clock import Clock, wave
from optim.passes.support.label_loss import LabelLoss
from optim.passes.support.samples import Batch, held_back, mixed, stacked
from optim.passes.support.torch_graph import TorchGraph

_HELD_BACK, _MOST_HELD_BACK = 0.15, 128
_PATIENCE = 20  # looks without a gain, half of the training, after which it ends
_WARM_UP = 20  # steps in which the rate rises
_AS_GOOD = 1e-5  # a held-back loss with which there is nothing left to gain
_STEADY = 0.8  # share of the steps after which ranges stay
_MOST_INNER = 8
_INNER_WEIGHT = 0.5
_POOL, _POOL_BYTES = 100, 1 << 29  # batches whose answers are kept, so that they come once
_PLAIN = 0.25  # share of batches that are samples as they are, where labels are learned from too
_LABEL_WEIGHT = 0.1
_NORM = 1.0  # gradients longer than this are cut

Look = Callable[[float, list[float]], None]
"""Told at each look: the share that is done, and all losses on held-back samples so far, the first
of them before training."""


_Answered = tuple[dict[str, Any], dict[str, Any], Array | None]
"""A batch, what the teacher makes of it, and its labels where it is to learn from them."""


@dataclass
class Trained:
    """What came of it: held-back losses (0: as the original, 1: as one answer
    for all), `planned`: the steps to ask for to get the same again, `labels`: how they were
    used, empty where they were not."""

    before: float
    after: float
    steps: int
    planned: int
    seconds: float
    curve: list[float] = field(default_factory=list)
    labels: str = ""


@dataclass(frozen=True)
class Plan:
    """How to train: for `seconds`, or exactly `steps` where these are given."""

    seconds: float
    steps: int
    batch: int
    rate: float
    seed: int
    look: Look


class Distilling:
    """A student and its teacher on the same samples."""

    def __init__(
        self,
        student: TorchGraph,
        teacher: TorchGraph,
        feeds: Sequence[Feeds],
        plan: Plan,
        labels: Array | None = None,
    ):
        import torch

        self._torch, self._student, self._teacher, self._plan = torch, student, teacher, plan
        self._random = np.random.default_rng(plan.seed)
        torch.manual_seed(plan.seed)
        self._samples, kept = held_back(feeds, _HELD_BACK, _MOST_HELD_BACK)
        self._held_back = len(kept)
        self._rows = {name: len(array) for name, array in feeds[0].items()}
        self._batch = _batch_size(teacher, feeds, plan.batch)
        self._half = student.rounding is None and _fast_in_half(student.device)
        self._pool: list[_Answered] = []
        self._room = _POOL_BYTES
        self._inner = _matching(student, teacher, feeds[0])
        self._weights = [*student.parameters.values()]
        self._zeros = [(w, (w != 0).to(w.dtype)) for w in self._weights if bool((w == 0).any())]
        self._kept = [
            self._answered(stacked(kept[at : at + self._batch]))
            for at in range(0, len(kept), self._batch)
        ]
        self._scales = self._spread([target for _, target, _ in self._kept])
        self._labels = labels[-len(self._samples) :] if labels is not None else np.zeros(0)
        self._label_loss = self._of_labels(labels) if labels is not None else None

    def run(self) -> Trained:
        """Train the student in place; it ends as it was best on the held-back samples."""
        self._refresh_statistics()
        best = before = self._held_back_loss()
        clock = Clock(self._plan.seconds, self._plan.steps)
        state, curve, since, step = self._student.state(), [before], 0, 0
        rate = self._plan.rate * float(np.clip(before**0.5, 0.1, 1.0))
        optimizer = self._torch.optim.AdamW(self._weights, lr=rate, weight_decay=1e-4)
        while not clock.over(step) and since < _PATIENCE and best > _AS_GOOD:
            done = clock.done(step)
            self._watch(done < _STEADY)
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (step + 1) / _WARM_UP) * wave(done)
            self._step(optimizer)
            step += 1
            if clock.look(step) or clock.over(step):
                loss = self._held_back_loss()
                curve.append(loss)
                since = 0 if loss < best else since + 1
                if loss < best:
                    best, state = loss, self._student.state()
                self._plan.look(clock.share(step), curve)
        self._student.restore(state)
        how = self._label_loss.how if self._label_loss and step else ""
        return Trained(before, best, step, clock.planned(step), clock.seconds, curve, how)

    def _watch(self, on: bool) -> None:
        """Whether the ranges of what is rounded follow what comes by."""
        if self._student.rounding:
            self._student.rounding.watching = on

    def _step(self, optimizer: Any) -> None:
        batch, target, labels = self._next()
        self._sized(self._student, batch)
        with self._torch.autocast(self._student.device, self._torch.bfloat16, self._half):
            found = self._student.run(batch, target)
        loss = self._loss(found, target)
        if self._label_loss and labels is not None:
            loss = loss + _LABEL_WEIGHT * self._label_loss(found[self._teacher.outputs[0]], labels)
        optimizer.zero_grad()
        loss.backward()
        self._torch.nn.utils.clip_grad_norm_(self._weights, _NORM)
        optimizer.step()
        with self._torch.no_grad():
            for weight, mask in self._zeros:  # what was pruned stays pruned
                weight *= mask

    def _next(self) -> _Answered:
        """A batch with the teacher's answers: a new one, or one of the pool when that is full."""
        if self._room < 0 or len(self._pool) >= _POOL:
            return self._pool[int(self._random.integers(len(self._pool)))]
        count = min(self._batch, len(self._samples))
        chosen = self._random.choice(len(self._samples), count, replace=False)
        batch = stacked([self._samples[i] for i in chosen])
        if self._label_loss and self._random.random() < _PLAIN:
            found = self._answered(batch, self._labels[chosen])
        else:
            found = self._answered(mixed(batch, self._random))
        self._pool.append(found)
        self._room -= sum(t.numel() * t.element_size() for p in found[:2] for t in p.values())
        return found

    def _answered(self, batch: Batch, labels: Array | None = None) -> _Answered:
        """A batch as tensors, what the teacher makes of it, and its labels where they count."""
        feeds = tensors(batch, self._teacher.device)
        self._sized(self._teacher, feeds)
        with self._torch.no_grad():
            target = self._teacher.run(feeds, [*self._teacher.outputs, *self._inner])
        return feeds, target, labels

    def _sized(self, graph: TorchGraph, feeds: dict[str, Any]) -> None:
        """Tell a graph for one sample how many come together: the last batch has fewer."""
        name, value = next(iter(feeds.items()))
        graph.batch = len(value) // max(1, self._rows[name])

    def _of_labels(self, labels: Array) -> LabelLoss | None:
        """None where they do not go with the first output."""
        answers = [target[self._teacher.outputs[0]].reshape(-1) for _, target, _ in self._kept]
        found = LabelLoss(labels, self._torch.cat(answers).reshape(self._held_back, -1))
        return found if found.how else None

    def _loss(self, found: dict[str, Any], target: dict[str, Any]) -> Any:
        outputs = [self._error(found, target, name) for name in self._teacher.outputs]
        inner = [self._error(found, target, name) for name in self._inner]
        total = sum(outputs) / len(outputs)
        return total + _INNER_WEIGHT * sum(inner) / len(inner) if inner else total

    def _error(self, found: dict[str, Any], target: dict[str, Any], name: str) -> Any:
        """Mean squared error in units of the teacher's own variance."""
        if not target[name].is_floating_point():
            return 0.0
        return (found[name].float() - target[name]).square().mean() / self._scales[name]

    def _spread(self, targets: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            name: self._torch.cat([t[name].reshape(-1) for t in targets]).float().var(False) + 1e-12
            for name in targets[0]
        }

    def _held_back_loss(self) -> float:
        """On the outputs alone."""
        self._watch(False)
        total = 0.0
        with self._torch.no_grad():
            for feeds, target, _ in self._kept:
                self._sized(self._student, feeds)
                found = self._student.run(feeds, self._teacher.outputs)
                errors = [self._error(found, target, name) for name in self._teacher.outputs]
                total += float(sum(errors)) / len(errors)
        loss = total / len(self._kept)
        return loss if math.isfinite(loss) else math.inf

    def _refresh_statistics(self) -> None:
        """Normalizations take their statistics anew, once over all samples: a narrower network has
        others, and this alone brings back much. While training they stay, since mixtures of
        samples have others again."""
        if self._batch < 2:
            return
        before, state = self._held_back_loss(), self._student.state()
        self._watch(True)
        self._student.learning = True
        with self._torch.no_grad():
            for number, at in enumerate(range(0, len(self._samples), self._batch)):
                self._student.momentum = 1 / (number + 1)
                batch = stacked(self._samples[at : at + self._batch])
                feeds = tensors(batch, self._student.device)
                self._sized(self._student, feeds)
                self._student.run(feeds, self._student.outputs)
        self._student.learning = False
        if self._held_back_loss() > before:
            self._student.restore(state)


def tensors(batch: Batch, device: str) -> dict[str, Any]:
    """Arrays as PyTorch's tensors."""
    import torch

    return {name: torch.from_numpy(np.ascontiguousarray(v)).to(device) for name, v in batch.items()}


def _batch_size(graph: TorchGraph, feeds: Sequence[Feeds], wanted: int) -> int:
    """As many as wanted where samples side by side get the answers that they get alone, else 1."""
    import torch

    few = [*feeds[: min(3, wanted)]]
    if len(few) < 2:
        return 1
    with torch.no_grad():
        alone = [graph.run(tensors(dict(one), graph.device), graph.outputs) for one in few]
        try:
            graph.batch = len(few)
            together = graph.run(tensors(stacked(few), graph.device), graph.outputs)
        except (RuntimeError, StepError, IndexError):  # a graph that is made for one sample
            return 1
        finally:
            graph.batch = 1
    for name, value in together.items():
        expected = torch.cat([run[name].reshape(1, -1) for run in alone])
        if value.numel() != expected.numel() or not torch.allclose(
            value.reshape(expected.shape).double(), expected.double(), rtol=1e-3, atol=1e-4
        ):
            return 1
    return min(wanted, len(feeds))


def _matching(student: TorchGraph, teacher: TorchGraph, sample: Feeds) -> list[str]:
    """Inner float tensors of the same name and shape in both, evenly over the graph."""
    import torch

    ours = {name for node in student.model.graph.node for name in node.output}
    names = [n for node in teacher.model.graph.node for n in node.output if n in ours]
    names = [name for name in names if name not in teacher.outputs]
    feeds = tensors(dict(sample), teacher.device)
    with torch.no_grad():
        a, b = student.run(feeds, names), teacher.run(feeds, names)
    alike = [
        name
        for name in names
        if a[name].shape == b[name].shape and a[name].is_floating_point() and a[name].ndim > 1
    ]
    each = max(1, len(alike) // _MOST_INNER)
    return alike[each - 1 :: each][:_MOST_INNER]


def _fast_in_half(device: str) -> bool:
    """Whether the device multiplies bf16 faster than fp32."""
    import torch

    return device != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
