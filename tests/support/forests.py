"""Small random forests, as attributes of ONNX's tree operators."""

from collections.abc import Sequence
from typing import Any

import numpy as np

MODES = ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"]


def forest(
    features: int,
    of: str,
    ids: Sequence[int],
    *,
    trees: int = 5,
    positive: bool = False,
    each: bool = False,
    **given: Any,
) -> dict[str, Any]:
    """Trees of depth two whose leaves are of `class` or `target`, every id at every leaf, or, with
    `each`, one id in each tree.

    Thresholds are of a few values, so that samples of those meet them.
    """
    rng = np.random.default_rng(7)
    found: dict[str, list[Any]] = {}

    def add(prefix: str, **row: Any) -> None:
        for name, value in row.items():
            found.setdefault(f"{prefix}_{name}", []).append(value)

    for tree in range(trees):
        for node in range(7):
            branch = node < 3
            add(
                "nodes",
                treeids=tree,
                nodeids=node,
                featureids=int(rng.integers(features)) if branch else 0,
                values=float(rng.integers(-1, 2)) / 2 if branch else 0.0,
                modes=MODES[int(rng.integers(6))] if branch else "LEAF",
                truenodeids=2 * node + 1 if branch else 0,
                falsenodeids=2 * node + 2 if branch else 0,
                missing_value_tracks_true=int(rng.integers(2)),
            )
            for one in [] if branch else [ids[tree % len(ids)]] if each else ids:
                weight = float(rng.normal()) * 0.3
                weight = abs(weight) if positive else weight
                add(of, treeids=tree, nodeids=node, ids=one, weights=weight)
    return found | given
