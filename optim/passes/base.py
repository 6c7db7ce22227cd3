"""What every pass is: a frozen value that turns one ONNX model into another."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, runtime_checkable

from optim.arrays import Array, Feeds
from optim.part import Circumstances, Group, Ingredient, Product, discover

if TYPE_CHECKING:
    import onnx


class Stage(IntEnum):
    """The order in which passes compose; one pass per stage, stages ascending.

    Those before SIMPLIFY are single steps of it and their like: each has a stage of its own, so
    that they go together in the one order that serves all.
    """

    LENGTH = auto()
    OPSET = auto()
    SHAPES = auto()
    CONSTANTS = auto()
    PREPROCESSING = auto()
    BATCHNORM = auto()
    TRANSPOSES = auto()
    ACTIVATIONS = auto()
    DUPLICATES = auto()
    DEAD = auto()
    CELLS = auto()
    SIMPLIFY = auto()
    PRUNE = auto()
    RECOVER = auto()
    FUSE = auto()
    SMOOTH = auto()
    PRECISION = auto()


@dataclass(frozen=True)
class Context:
    """What a pass may use besides the model.

    `calibration` yields one Feeds per calibration sample, afresh at each call of iter().
    `example` is one set of inputs, where there is any, to see that a result runs.
    `original` is the model before the recipe's passes, for those that need it, `following` are the
    passes that come after this one. `say` tells whoever waits how far a long pass has got.
    """

    calibration: "Calibration"
    original: "onnx.ModelProto | None" = None
    following: "tuple[Pass, ...]" = ()
    example: Feeds | None = None
    say: Callable[[str], None] = lambda text: None

    @property
    def wish_for_training(self) -> tuple[str, ...]:
        """What to say of a network that lost much, unless it is trained later in the recipe."""
        if any(one.stage == Stage.RECOVER for one in self.following):
            return ()
        return ("Such a network needs training: add recover behind this pass.",)


class Calibration:
    """Calibration inputs, re-iterable, and their labels where the EvalSet gives each sample one.
    Validation samples never get here. A model that takes several in one run gets so many at once.
    """

    def __init__(
        self, samples: list[Feeds], labels: Array | None = None, together: int = 1
    ) -> None:
        self._samples, self._together = samples, together
        self.labels = labels if labels is not None and len(labels) == len(samples) else None

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Feeds]:
        return iter(self._samples)

    def counted(self, runs: int) -> int:
        """How many samples so many runs are of."""
        return runs * self._together


@dataclass(frozen=True)
class Outcome:
    """What a pass did. `modified` is false when the model came back as it went in.

    `notes` are plain sentences on what was and what was not done, shown to the user. `ran` is the
    pass with the settings that give this model again, where running it decided some.
    """

    model: "onnx.ModelProto"
    modified: bool
    notes: tuple[str, ...] = ()
    ran: "Pass | None" = None


class Pass(Ingredient):
    """One model-to-model optimization.

    `run` never changes the model it gets; it returns a new one, or the same where it did nothing.
    """

    stage: ClassVar[Stage]
    group: ClassVar[Group] = Group.MODEL
    needs_calibration: ClassVar[bool] = False
    needs_original: ClassVar[bool] = False
    floats_only: ClassVar[bool] = False
    """Whether it can do nothing with a model that is quantized already."""
    compresses: ClassVar[bool] = False
    """Whether its gain is a smaller compressed file, whose size is then told."""
    if_grown: ClassVar[str] = ""
    """What helps where the file grew by it: a sentence."""
    tried_on_any: ClassVar[bool] = False
    """Whether a search adds it, as it comes, to recipes that did well without it."""
    overlooks: ClassVar[tuple[str, ...]] = ()
    """Op types whose nodes it works on, but not inside of loops and branches: that is then said."""
    min_opset: ClassVar[int] = 0
    """The oldest operator set that it works on; the build raises older models once, for all."""
    tolerance: ClassVar[float]
    """Promise: cosine similarity of the outputs to the original's, on a model it suits."""

    def takes(self, here: Circumstances) -> bool:
        """Whether it may do something with such a model."""
        return not (self.floats_only and here.quantized)

    @property
    def most_seconds(self) -> float:
        """How much longer than other passes it may take, in s."""
        return 0.0

    def cheaply(self) -> Self:
        """The same with a model that is as fast, whatever it answers, and is sooner made."""
        return self

    def settled(self, overflowing: Collection[Product]) -> tuple[Self, str]:
        """The pass with nothing left to the machine, and a sentence on what that decided and why.

        Args:
            overflowing: the products of bytes that the recipe's runtime gets wrong here.
        """
        return self, ""

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Apply the pass. Raises StepError when the model cannot take it."""
        raise NotImplementedError


@runtime_checkable
class NodeByNode(Protocol):
    """A pass that quantizes nodes one by one and leaves those in `exclude` in float."""

    exclude: tuple[str, ...]

    def form(self, model: "onnx.ModelProto") -> "onnx.ModelProto":
        """The model as it is quantized, in float; nodes and values keep their names after."""

    def chosen(self, form: "onnx.ModelProto") -> list[str]:
        """The names of the nodes of that form that it quantizes."""


def all_passes() -> dict[str, type[Pass]]:
    """Every pass by name."""
    return discover("optim.passes", Pass)
