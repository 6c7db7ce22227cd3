"""Whether the trees of a file are trees: compiled code reads and writes where they say, unchecked.

ONNX Runtime refuses much of this where it opens a model, and not all of it.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from optim.runtimes.support.compiling import Lacks

_MOST_FEATURES, _MOST_SCORES = 100_000, 10_000  # arrays of compiled code, on its stack
_MOST_DEEP = 1000  # branches within each other, for the program that writes C and for the compiler
_LEAF = b"LEAF"


def check_forest(given: Mapping[str, Any], of: str, scores: int) -> None:
    """Raise Lacks for what is no forest, or none that compiled code can hold.

    Args:
        given: the attributes of the node.
        of: the prefix of the attributes of leaves.
        scores: how many numbers a row gets.
    """
    _check_lengths(given, "nodes_")
    _check_lengths(given, f"{of}_")
    _check_numbers(given, of)
    modes, features = given["nodes_modes"], given["nodes_featureids"]
    read = [f for f, mode in zip(features, modes, strict=True) if mode != _LEAF]
    if not all(0 <= feature < _MOST_FEATURES for feature in read):
        raise Lacks(f"it reads features 0 to {_MOST_FEATURES - 1:,}, and these trees others")
    if not 0 < scores <= _MOST_SCORES:
        raise Lacks(f"it gives up to {_MOST_SCORES:,} scores, and these trees {scores:,}")
    if not all(0 <= place < scores for place in given[f"{of}_ids"]):
        raise Lacks(f"these trees have weights for others than their {scores:,} scores")
    trees = _trees(given)
    keys = zip(given[f"{of}_treeids"], given[f"{of}_nodeids"], strict=True)
    if any(trees.get(tree, {}).get(node, ()) != () or tree not in trees for tree, node in keys):
        raise Lacks("these trees have weights where they have no leaf")
    for sides in trees.values():
        _check_tree(sides)


def _check_lengths(given: Mapping[str, Any], prefix: str) -> None:
    lengths = {len(v) for k, v in given.items() if k.startswith(prefix) and v}
    if len(lengths) != 1:
        raise Lacks("the lists that say its trees differ in length")


def _check_numbers(given: Mapping[str, Any], of: str) -> None:
    lists = (given.get(name, ()) for name in ("nodes_values", f"{of}_weights", "base_values"))
    if not all(math.isfinite(value) for values in lists for value in values):
        raise Lacks("these trees have thresholds, weights or base values that are not finite")


def _trees(given: Mapping[str, Any]) -> dict[int, dict[int, tuple[int, ...]]]:
    """Of each tree, in order, each node's children; none of a leaf's."""
    found: dict[int, dict[int, tuple[int, ...]]] = defaultdict(dict)
    names = ("treeids", "nodeids", "modes", "truenodeids", "falsenodeids")
    for tree, node, mode, *sides in zip(*(given[f"nodes_{n}"] for n in names), strict=True):
        if node in found[tree]:
            raise Lacks(f"a tree has two nodes {node}")
        found[tree][node] = () if mode == _LEAF else tuple(sides)
    return found


def _check_tree(sides: Mapping[int, Sequence[int]]) -> None:
    """From the first node each is reached once, and not too deep."""
    level, reached, deep = [next(iter(sides))], set[int](), 0
    while level:
        if not sides.keys() >= {*level} or len({*level}) < len(level) or reached & {*level}:
            raise Lacks("a branch of a tree leads to no node, or to one that another leads to")
        reached |= {*level}
        level = [child for node in level for child in sides[node]]
        deep += 1
        if deep > _MOST_DEEP + 1:  # the leaves, too
            raise Lacks(f"its trees are up to {_MOST_DEEP:,} branches deep, and one is deeper")
