"""Measure standard networks on this machine, as evidence for the estimates of a modelled target.

`python -m bench.evidence TARGET FOLDER` times every `FOLDER/*.onnx` with each recipe below on one
thread and writes `optim/targets/evidence/TARGET.yaml` and the graphs it is about. To be run on an
idle machine of that kind.
"""

import gzip
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import yaml

from optim.arrays import Feeds
from optim.graph.analysis import analyse
from optim.machine.environment import cpu_name
from optim.model.proto import describe
from optim.recipe import Recipe
from optim.targets import EVIDENCE

RECIPES = ("onnxruntime", "openvino", "openvino:precision=bf16")
INT8_RECIPES = ("onnxruntime", "openvino")
_ROUNDS, _ROUND_SECONDS = 9, 0.15


def main(target: str, folder: str) -> None:
    """Measure, analyse, write. Measured again, the smaller of two times is kept."""
    file = EVIDENCE / f"{target}.yaml"
    stored = yaml.safe_load(file.read_text()) if file.exists() else {"rows": []}
    known = {(row["graph"], row["recipe"]): row for row in stored["rows"]}
    for path in sorted(Path(folder).glob("*.onnx")):
        _keep_graph(path)
        for spelling in INT8_RECIPES if path.stem.endswith("_int8") else RECIPES:
            milliseconds = latency_ms(path, Recipe.parse(spelling))
            row = known.setdefault(
                (path.stem, spelling),
                {"graph": path.stem, "recipe": spelling, "p50_ms": milliseconds},
            )
            row["p50_ms"] = min(row["p50_ms"], milliseconds)
            print(path.stem, spelling, f"{milliseconds:.3f} ms", flush=True)
    about = {
        "target": target,
        "date": datetime.now(UTC).date().isoformat(),
        "device": cpu_name(),
        "how": f"One thread, CPU time, smallest median of {_ROUNDS} rounds; batch 1.",
        "versions": {name: version(name) for name in ("onnxruntime", "openvino")},
    }
    rows = [known[key] for key in sorted(known)]
    file.write_text(yaml.safe_dump({**stored, **about, "rows": rows}, sort_keys=False))


def _keep_graph(path: Path) -> None:
    folder = EVIDENCE / "graphs"
    folder.mkdir(parents=True, exist_ok=True)
    text = analyse(path).model_dump_json(exclude_defaults=True)
    (folder / f"{path.stem}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def latency_ms(path: Path, recipe: Recipe, feeds: Feeds | None = None) -> float:
    """Smallest of the rounds' medians, in CPU time: with one thread it is the latency that an idle
    machine shows, and other work beside it only ever adds to it.

    Args:
        feeds: what to feed; random numbers by default.
    """
    session = recipe.runtime.open(path)
    run = session.bind(feeds or feeds_for(path))
    run()
    rounds = []
    for _ in range(_ROUNDS):
        samples: list[float] = []
        end = time.perf_counter() + _ROUND_SECONDS
        while time.perf_counter() < end or len(samples) < 3:
            start = time.process_time()
            run()
            samples.append(time.process_time() - start)
        rounds.append(median(samples))
    session.close()
    return round(min(rounds) * 1e3, 4)


def feeds_for(path: Path) -> dict[str, np.ndarray]:
    """Random inputs; integers are 0 or 1, which every embedding has."""
    random = np.random.default_rng(0)
    feeds = {}
    for spec in describe(str(path))["inputs"]:
        values = random.standard_normal(spec["shape"])
        feeds[spec["name"]] = (
            (values > 0).astype(spec["dtype"])
            if "int" in spec["dtype"]
            else values.astype(spec["dtype"])
        )
    return feeds


if __name__ == "__main__":
    main(*sys.argv[1:])
