"""Print, as JSON, where a checkout sees the dropped-in parts; run in it as `python -m`.

It names nothing but what a user would: a recipe, an EvalSet's metric.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from support.study_tools import write_classifier

from optim.build import built
from optim.cli.documents import parts_document
from optim.evalset import load_evalset
from optim.explaining.executed import Side, pairs, precisions, wanted_precision
from optim.explaining.profile import join_profile
from optim.graph import analysis_of, matched
from optim.ingest import ingest
from optim.judging.quality import quality_of
from optim.part import Circumstances
from optim.recipe import Recipe
from optim.search.advice import advise
from optim.search.space import neighbours, starting_recipes
from optim.studies.params import parameters
from optim.targets import all_targets
from optim.targets.estimate import asked_of, estimate

RECIPE = Recipe.parse("tensor_int8 + onnxruntime")
PRODUCTS = {"MatMul": 2}


def main(folder: Path) -> dict[str, object]:
    model_path, evalset_path = write_classifier(folder)
    with np.load(evalset_path) as arrays:
        np.savez(evalset_path, **{**arrays, "metric": np.array("Top-3")})
    model = ingest(model_path, evalset=evalset_path)
    evalset = load_evalset(evalset_path, model)
    made = built(model, RECIPE, evalset).model
    graphs = analysis_of(model), analysis_of(made)
    feeds = evalset.feeds("validation", 1)[0]
    sides = [
        Side(
            analysis=graph,
            profile=join_profile(graph, RECIPE.runtime.profile(one.path, feeds, 3)),
            wanted=wanted_precision(RECIPE),
            origins=matched(model, one).origins,
        )
        for graph, one in zip(graphs, (model, made), strict=True)
    ]
    quality = quality_of(made, model, RECIPE, evalset)
    values, distributions = parameters(RECIPE, "local", {})
    found = estimate(graphs[1], all_targets()["sapphire_rapids"], RECIPE)
    return {
        "advice": [one.code for one in advise(RECIPE, PRODUCTS, ["avx512_vnni"], 2)],
        "no advice": [one.code for one in advise(RECIPE, PRODUCTS, [], 2)],
        "neighbours": [one.spelling for one in neighbours(RECIPE, Circumstances(PRODUCTS))],
        "elsewhere": [one.spelling for one in neighbours(RECIPE, Circumstances({"Conv": 1}))],
        "starts": [one.spelling for one in starting_recipes(Circumstances(PRODUCTS))],
        "wanted": sides[1].wanted,
        "executed": precisions(sides[1]),
        "paired": [one.name for one in pairs(*sides) if one.before_us and one.after_us],
        "asked": sorted({asked_of(row, None) for row in graphs[1].nodes if row.gemm}),
        "estimate": found.value,
        "documents": parts_document(),
        "parameters": {name: str(value) for name, value in values.items()},
        "choices": list(getattr(distributions["tensor_int8.weights"], "choices", ())),
        "metric": [evalset.metric, quality.metric, quality.value, quality.verdict],
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made_here:
        json.dump(main(Path(made_here)), sys.stdout)
