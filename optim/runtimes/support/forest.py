"""Forests of ONNX (TreeEnsembleClassifier, TreeEnsembleRegressor) as Treelite has them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import onnx

from optim.names import legible
from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.forest_checked import check_forest

if TYPE_CHECKING:
    import treelite

KINDS = {"TreeEnsembleClassifier": "class", "TreeEnsembleRegressor": "target"}
"""Operators that are forests, and what their leaves are said to be of."""
_MODES = {
    "BRANCH_LEQ": "<=",
    "BRANCH_LT": "<",
    "BRANCH_GTE": ">=",
    "BRANCH_GT": ">",
    "BRANCH_EQ": "==",
    "BRANCH_NEQ": "==",  # with its branches changed over
}
_AFTER = ("NONE", "LOGISTIC", "SOFTMAX")
_SUMMED = ("SUM", "AVERAGE")


@dataclass(frozen=True)
class Forest:
    """One node's trees. `sums`: how many numbers they add up; `scores`: how many it gives out."""

    node: onnx.NodeProto
    given: Mapping[str, Any]
    labels: tuple[int, ...]

    @property
    def of(self) -> str:
        """The prefix of the attributes of leaves."""
        return KINDS[self.node.op_type]

    @property
    def places(self) -> list[int]:
        """Of each weight of a leaf, the place among the sums that it is added to."""
        return list(self.given[f"{self.of}_ids"])

    @property
    def one_sum(self) -> bool:
        """Whether two classes come from one number."""
        return len(self.labels) == 2 and not any(self.places)

    @property
    def sums(self) -> int:
        """How many numbers the leaves are added up to."""
        return 1 if self.one_sum else self.scores

    @property
    def scores(self) -> int:
        """How many numbers a row gets."""
        return len(self.labels) or int(self.given.get("n_targets", 1))

    @property
    def after(self) -> str:
        """What becomes of the sums; nothing of a single target's."""
        if not self.labels and self.scores == 1:
            return "NONE"
        return str(self.given.get("post_transform", b"NONE").decode())

    @property
    def trees(self) -> list[int]:
        """Their numbers, in order."""
        return list(dict.fromkeys(self.given["nodes_treeids"]))

    @property
    def features(self) -> int:
        """The least number of features that its branches read."""
        pairs = zip(self.given["nodes_featureids"], self.given["nodes_modes"], strict=True)
        return max((int(at) for at, mode in pairs if mode != b"LEAF"), default=0) + 1


def forest_of(node: onnx.NodeProto) -> Forest:
    """The trees of a node. Raises Lacks for what is not taken, or is no forest."""
    given = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    if any(name.endswith("_as_tensor") for name in given) or "classlabels_strings" in given:
        raise Lacks("its trees have labels that are texts, or thresholds in 64 bits")
    forest = Forest(node, given, tuple(given.get("classlabels_int64s", ())))
    check_forest(given, forest.of, forest.scores)
    summed = given.get("aggregate_function", b"SUM").decode()
    if forest.after not in _AFTER or summed not in _SUMMED:
        raise Lacks(f"it has no {legible(forest.after)} after, or {legible(summed)} of, trees")
    if forest.labels and not _usual(forest):
        raise Lacks("it has no classes whose weights or base values are given in this way")
    return forest


def _usual(forest: Forest) -> bool:
    """Whether ONNX Runtime makes of the classes what one would think, as converters write them:
    two have the weights of one of them, more have each their own."""
    classes, weighted = len(forest.labels), set(forest.places)
    if classes != 2:
        return weighted == set(range(classes))
    base = len(forest.given.get("base_values", ()))
    return len(weighted) == 1 and base <= (not any(weighted)) and forest.after != "SOFTMAX"


def as_treelite(forest: Forest) -> "treelite.Model":
    """The trees in Treelite, their sums as they are, without what comes after."""
    from treelite.model_builder import Metadata, ModelBuilder, PostProcessorFunc, TreeAnnotation

    leaves, sums = _leaves(forest), forest.sums
    one_each = all(len(at) <= 1 for at in _places_by_tree(forest).values())
    wide = sums > 1 and not one_each
    classes = [
        -1 if wide else next(iter(_places_by_tree(forest)[tree]), 0) for tree in forest.trees
    ]
    builder = ModelBuilder(
        threshold_type="float32",
        leaf_output_type="float32",
        metadata=Metadata(
            num_feature=forest.features,
            task_type="kMultiClf" if sums > 1 else "kRegressor",
            average_tree_output=False,
            num_target=1,
            num_class=[sums],
            leaf_vector_shape=(1, sums if wide else 1),
        ),
        tree_annotation=TreeAnnotation(len(classes), [0] * len(classes), classes),
        postprocessor=PostProcessorFunc("identity_multiclass" if sums > 1 else "identity"),
        base_scores=[0.0] * sums,
    )
    for tree, rows in _rows(forest).items():
        builder.start_tree()
        for row in rows:
            weights = leaves[tree, row["nodeids"]]
            _node(builder, row, _weight(weights, sums, wide))
        builder.end_tree()
    return builder.commit()


def _node(builder: Any, row: Mapping[str, Any], weight: float | Sequence[float]) -> None:
    mode = row["modes"].decode()
    builder.start_node(row["nodeids"])
    if mode == "LEAF":
        builder.leaf(weight)
    else:
        sides = row["truenodeids"], row["falsenodeids"]
        left, right = sides[::-1] if mode == "BRANCH_NEQ" else sides
        builder.numerical_test(
            row["featureids"],
            row["values"],
            default_left=bool(row.get("missing_value_tracks_true")) and mode != "BRANCH_NEQ",
            opname=_MODES[mode],
            left_child_key=left,
            right_child_key=right,
        )
    builder.end_node()


def _rows(forest: Forest) -> dict[int, list[dict[str, Any]]]:
    """Of each tree its nodes, the root first, each by what its attributes say."""
    names = [name for name in forest.given if name.startswith("nodes_") and forest.given[name]]
    found = defaultdict(list)
    for at, tree in enumerate(forest.given["nodes_treeids"]):
        found[tree].append({name[6:]: forest.given[name][at] for name in names})
    return found


def _leaves(forest: Forest) -> defaultdict[tuple[int, int], dict[int, float]]:
    """By tree and node, what is added at which place."""
    found: defaultdict[tuple[int, int], dict[int, float]] = defaultdict(dict)
    given, of = forest.given, forest.of
    keys = zip(given[f"{of}_treeids"], given[f"{of}_nodeids"], forest.places, strict=True)
    for (tree, node, place), weight in zip(keys, given[f"{of}_weights"], strict=True):
        found[tree, node][place] = found[tree, node].get(place, 0.0) + weight
    return found


def _places_by_tree(forest: Forest) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {tree: set() for tree in forest.trees}
    for tree, place in zip(forest.given[f"{forest.of}_treeids"], forest.places, strict=True):
        found[tree].add(place)
    return found


def _weight(weights: Mapping[int, float], sums: int, wide: bool) -> float | list[float]:
    if wide:
        return [weights.get(place, 0.0) for place in range(sums)]
    return sum(weights.values())
