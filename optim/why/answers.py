"""The child's side of `samples`: both models' answers, sample by sample."""

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.evalset import evalset_from_digest
from optim.judging import outputs
from optim.judging.fidelity import Signal
from optim.judging.judgement import Judgement
from optim.metrics.base import Metric
from optim.metrics.support.outputs import answer_of
from optim.metrics.support.rows import Rows
from optim.model import Model
from optim.runtimes.base import runtime_of
from optim.why.inputs import shown
from optim.why.samples import MOST_SHOWN, Answer, Sample, Samples

_SECONDS = 10.0
_MOST_VALUES = 12
_MOST_CLASSES = 24
_NOISELESS = 1e9  # dB, for sorting


def compare(
    model_path: str,
    original: dict[str, Any],
    runtime: str,
    evalset_digest: str,
    stored: tuple[str, str],
) -> dict[str, Any]:
    """Child: see `samples_of`. Returns Samples as JSON values.

    Args:
        stored: as `judgement.judge` has it.
    """
    evalset, source = evalset_from_digest(evalset_digest), Model.model_validate(original)
    judgement = Judgement.of(evalset, source.outputs)
    feeds = evalset.feeds("validation")
    engine = runtime_of(runtime)
    pairs = zip(
        outputs.outputs_of(engine, Path(model_path), feeds),
        outputs.originals(source, feeds, *map(Path, stored)),
        strict=True,
    )
    both, noises, begun = [], [], 0.0
    for answer, reference in pairs:
        begun = begun or time.monotonic()
        for one, other in zip(evalset.each(answer), evalset.each(reference), strict=True):
            judgement.add(one, other)
            ours, theirs = one[judgement.output.name], other[judgement.output.name]
            noises.append(_noise(theirs, ours))
            both.append((_first(theirs), _first(ours)))
        if time.monotonic() - begun > _SECONDS:
            break
    texts, together = evalset.texts("validation"), evalset.together
    lost = _lost(judgement.metric, *judgement.both_rows())
    pair = [*zip(judgement.classes_of(0), judgement.classes_of(1), strict=True)]
    alike = [a == b for a, b in pair] or [True] * len(both)
    order = sorted(range(len(both)), key=lambda i: (-max(0.0, lost[i]), alike[i], noises[i]))
    named = _matrix(pair)
    return Samples(
        worst=tuple(
            Sample(
                number=i,
                lost=lost[i],
                sqnr_db=None if noises[i] == _NOISELESS else noises[i],
                original=_answer(both[i][0], pair[i][0] if pair else None),
                optimized=_answer(both[i][1], pair[i][1] if pair else None),
                label=_label(judgement, i),
                inputs=shown(evalset.each(feeds[i // together])[i % together]),
                text=texts[i] if texts else "",
            )
            for i in order[:MOST_SHOWN]
        ),
        counted=len(both),
        total=evalset.validation_count * together,
        lost=int(np.sum(np.array(lost) > 0)),
        won=int(np.sum(np.array(lost) < 0)),
        changed=sum(a != b for a, b in pair),
        output=judgement.output.name,
        classes=named[0],
        agreement=named[1],
    ).model_dump(mode="json")


def _noise(theirs: Array, ours: Array) -> float:
    signal = Signal()
    signal.add(theirs, ours)
    found = signal.sqnr_db
    return _NOISELESS if found is None else found


def _lost(metric: Metric, baseline: Rows, rows: Rows) -> list[float]:
    """By how much each sample is worse; 0 where one sample alone has no value of the metric."""
    rows, baseline = metric.decided(rows, baseline), metric.decided(baseline, baseline)
    once, sign = np.ones((1, 1)), 1.0 if metric.higher_is_better else -1.0
    with np.errstate(all="ignore"):
        found = [
            sign * float(metric.aggregate(a, once)[0] - metric.aggregate(b, once)[0])
            for a, b in zip(baseline[:, None], rows[:, None], strict=True)
        ]
    return [loss if np.isfinite(loss) else 0.0 for loss in found]


def _first(values: Array) -> tuple[float, ...]:
    flat = values.ravel()[:_MOST_VALUES].astype(np.float64)
    return tuple(np.nan_to_num(flat).tolist())


def _answer(values: tuple[float, ...], chosen: int | None) -> Answer:
    return Answer(values=values, chosen=-1 if chosen is None else chosen)


def _label(judgement: Judgement, number: int) -> Answer | None:
    if judgement.labels is None:
        return None
    label = np.asarray(judgement.labels[number])
    is_class = judgement.metric.kind in ("class", "binary")
    return _answer(_first(label), answer_of(label) if is_class and label.size == 1 else None)


def _matrix(
    pairs: Sequence[tuple[int, int]],
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """The most frequent classes, and how often each goes with each."""
    seen = Counter(answer for pair in pairs for answer in pair)
    classes = tuple(sorted(answer for answer, _ in seen.most_common(_MOST_CLASSES)))
    counts = Counter(pairs)
    return classes, tuple(tuple(counts[a, b] for b in classes) for a in classes)
