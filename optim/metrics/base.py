"""What every metric is: which outputs it reads, what it keeps of each sample, how samples become
one number, and what that number says.

A metric turns every sample into a short row of numbers; `aggregate` turns weighted rows into the
metric's value for many weightings at once. Weights that count how often a sample was drawn make
it a bootstrap, weights of one the metric itself.

Metrics that need no labels compare with the original's own outputs instead.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.findings import Interval
from optim.metrics.support.outputs import is_class_like, is_decision, size_of
from optim.metrics.support.rows import Rows, mean
from optim.model import TensorSpec
from optim.names import legible
from optim.part import Part, discover, parse_part

Kind = Literal["class", "binary", "numbers", "pixels", "tokens", "boxes", "any"]

_FAITHFUL = 0.99
_MOST_CLASSES = 1 << 31  # of an output that is a class number and does not say how many there are


def _two_digits(value: float) -> str:
    """With two digits that count: 0.89, and 100 rather than 1e+02."""
    return f"{float(f'{value:.2g}'):g}"


class Metric(Part):
    """One way to score outputs: against labels, or against the original's outputs."""

    also: ClassVar[tuple[str, ...]] = ()
    """Other names that libraries give it."""
    unit: ClassVar[str] = ""
    """"%" for shares, which are kept as 0 to 1 and shown as percentages."""
    kind: ClassVar[Kind]
    """What a label is: the number of a class, 0 or 1, numbers, a class for each pixel or place of a
    sequence, boxes, or whatever the output is."""
    higher_is_better: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    ignores_labels: ClassVar[bool] = False
    """Whether labels are of no use to it."""
    right_or_wrong: ClassVar[bool] = False
    """Whether every sample is right or wrong and the value their mean: McNemar's test applies."""
    any_count: ClassVar[bool] = False
    """Whether an answer may hold more or fewer things than the original's, such as boxes."""
    least: ClassVar[float] = 0.0
    most: ClassVar[float] = 1.0
    chance: ClassVar[float] = 0.0
    """What guessing scores, where that does not depend on the number of classes."""

    def candidates(self, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
        """The outputs that it may read, in this order: floating ones, then decided classes."""
        floating = [spec for spec in outputs if "float" in spec.dtype] or list(outputs)
        return (*floating, *filter(is_decision, outputs))

    def read(self, name: str, outputs: Mapping[str, Array]) -> Array:
        """What it reads of a sample's outputs: the one of this name, by itself or with others."""
        return outputs[name]

    def checked(self, labels: Array) -> Array:
        """Labels [samples, ...] in the form it wants, where they are no classes. InputError."""
        return labels.astype(np.float64)

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The numbers kept of one sample; as many for every sample."""
        raise NotImplementedError

    def places(self, output: Array, label: Array) -> tuple[Array, Array]:
        """The classes answered and wanted where one answer has many, place by place; else none."""
        return np.array([], np.int64), np.array([], np.int64)

    def decided(self, rows: Rows, baseline: Rows) -> Rows:
        """The rows with open decisions taken, by what the original's rows are; often as they are.

        For both models the same rule, so that their difference is the models' own.
        """
        return rows

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The value [b] of rows [n, k] for each weighting in weights [b, n]."""
        return mean(rows, weights)

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Whether it can read this output.

        Args:
            label_size: how many numbers one label holds; None without labels.
        """
        if self.kind == "any" or (label_size is None and not self.needs_labels):
            return True
        if self.kind == "numbers":
            return size_of(spec) == label_size
        if self.kind == "binary":
            return size_of(spec) in (1, 2) and not is_decision(spec)
        return is_decision(spec) or is_class_like(spec)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """How well it suits labels that came without a metric; 0: not at all. The highest wins."""
        return 0

    def suited(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> "Metric":
        """With the settings that labels and outputs ask for, where none were given."""
        return self

    def on(self, scores_classes: bool) -> "Metric":
        """The metric that does the work on an output; another than itself where that depends.

        Args:
            scores_classes: whether the output is scores of classes or the number of one.
        """
        return self

    def class_count(self, spec: TensorSpec) -> int:
        """How many classes a label may be of, for this output; 0 where labels are no classes."""
        if self.kind == "binary":
            return 2
        if self.kind != "class":
            return 0
        return _MOST_CLASSES if is_decision(spec) else max(2, size_of(spec))

    def pixel_classes(self, spec: TensorSpec, label_size: int | None) -> int:
        """How many classes a pixel may be of, for labels of kind "pixels"; 0: not known."""
        return 0

    def suspect_below(self, class_count: int) -> float:
        """The original's score below which it seems to guess."""
        return self.chance

    def doubt(self, score: float, class_count: int) -> str:
        """What a score of the original says against labels or preprocessing; empty if nothing.

        Args:
            class_count: 0 where it is not known.
        """
        if score >= self.suspect_below(class_count):
            return ""
        return (
            f"The original itself scores only {self.show(score)}, near guessing: check the "
            "labels' order and the preprocessing."
        )

    def loss(self, difference: Interval, original: float) -> Interval:
        """What a difference from the original's value costs, above 0 for a loss.

        In the unit that limits are given in: absolute for shares (0.01 = one point), relative to
        the original's value for errors.
        """
        if self.higher_is_better:
            return difference.negated()
        scale = 1 / original if original and self.unit != "%" else 1.0
        return Interval(
            value=difference.value * scale, low=difference.low * scale, high=difference.high * scale
        )

    def at_loss(self, loss: float, original: float) -> float:
        """The value that has lost so much, in the unit of `loss`."""
        if self.higher_is_better:
            return original - loss
        return original + loss if self.unit == "%" else original * (1 + loss)

    @property
    def called(self) -> str:
        """Its title within a sentence: `mean absolute error`, but `AUC`."""
        is_word = self.title[1].islower()
        return f"{self.title[0].lower()}{self.title[1:]}" if is_word else self.title

    def show(self, value: float) -> str:
        """A value with its unit, such as "93.12 %"."""
        if self.unit == "%":
            return f"{100 * value:z.2f} %"
        return f"{value:.4g} {self.unit}".rstrip()

    def show_difference(self, value: float) -> str:
        """The size of a difference, such as "0.8 points"."""
        size = abs(value)
        if self.unit == "%":
            return f"{_two_digits(100 * size)} points"
        return f"{_two_digits(size)} {self.unit}".rstrip()

    def agreement(self, value: float, where: str) -> str:
        """What a value against the original's own outputs says, without a full stop.

        Args:
            where: on what, such as "64 synthesized inputs".
        """
        return f"{self.title} {self.show(value)} to the original's outputs on {where}"

    def is_faithful(self, value: float) -> bool:
        """Whether a value against the original's own outputs leaves little doubt."""
        return value >= _FAITHFUL


def all_metrics() -> dict[str, type[Metric]]:
    """Every metric by name."""
    return discover("optim.metrics", Metric)


def find_metric(name: str) -> Metric:
    """The metric a user named ("top-1", "AUC", "map:layout=yolo8", ...). Raises InputError."""
    written, _, given = name.partition(":")
    known = all_metrics()
    wanted = _plain(written)
    alike = (n for n, metric in known.items() if wanted in map(_plain, (n, *metric.also)))
    if found := written if written in known else next(alike, ""):  # thousands ask by name
        return parse_part(f"{found}:{given}", known)
    raise InputError(
        f"There is no metric {legible(name)!r}.",
        f"Known ones: {', '.join(known)}.",
        "EvalSet",
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
