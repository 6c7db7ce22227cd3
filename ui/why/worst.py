"""Where the quality went, sample by sample: the worst ones as they are, and who agrees."""

from collections.abc import Sequence
from itertools import islice, zip_longest
from math import isfinite

import streamlit as st

from optim.evalset import EvalSet
from optim.metrics.base import find_metric
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why.samples import Answer, Sample, Samples, Shown
from ui.cached import samples_of_digests
from ui.text import key_of, plain
from ui.why import charts

_COLUMNS = 4
_SHOWN_AT_FIRST = 8
_VALUES, _TOKENS = 6, 24
_TEXT = 160  # characters
_IN_FULL = 1e7
_ALIKE = 4  # so many alike are counted, not listed


def worst_samples(study: Study, trial: Trial) -> None:
    """The worst samples as cards, and the matrix of both models' classes."""
    given = (study.model.digest, trial.model_digest, trial.recipe.runtime.spelling)
    found = samples_of_digests(*given, study.evalset.digest)
    st.markdown(plain(said_of(found, study.evalset)))
    cards = found.worst[:_SHOWN_AT_FIRST]
    for start in range(0, len(cards), _COLUMNS):
        columns = st.columns(_COLUMNS, gap="small")
        for sample, column in zip(cards[start : start + _COLUMNS], columns, strict=False):
            with column, st.container(border=True):
                _card(sample, study.evalset)
    shown = {f"{one.name}: {one.about}" for card in cards for one in card.inputs if one.png}
    if shown:
        st.caption(plain(f"As the model gets them. {'; '.join(sorted(shown))}."))
    if found.classes:
        names = [class_name(number, study.evalset) for number in found.classes]
        st.markdown("**Who agrees with whom** (agreement matrix)")
        key = key_of("agreement", study.name, trial.number)
        st.plotly_chart(charts.agreement(found, names), key=key, alt=said_of(found, study.evalset))


def said_of(found: Samples, evalset: EvalSet) -> str:
    """How many samples became worse, better, another class; in sentences."""
    of = f"{found.counted:,}" if found.counted == found.total else _part(found)
    metric = find_metric(evalset.metric)
    if metric.right_or_wrong and evalset.labelled:
        change = f"{_many(found.lost)} became wrong and {_many(found.won)} right"
    else:
        worse, better = _many(found.lost), _many(found.won)
        change = f"{worse} became worse and {better} better ({metric.title})"
    other = f"; {_many(found.changed)} of another class than the original's"
    classes = other if found.classes else ""
    return f"Of {of} validation samples {change}{classes}. The worst first:"


def _many(count: int) -> str:
    return f"{count:,}" if count else "none"


def _part(found: Samples) -> str:
    return f"the first {found.counted:,} of {found.total:,}"


def _card(sample: Sample, evalset: EvalSet) -> None:
    off = "" if sample.sqnr_db is None else f", {sample.sqnr_db:.1f} dB"
    st.caption(plain(f"Sample {sample.number}{_lost(sample, evalset)}{off}"))
    if sample.text:
        st.markdown(f"*{plain(_cut(sample.text))}*")
    names = iter(evalset.features)
    for one in sample.inputs:
        called = tuple(islice(names, one.size))
        if one.png:
            st.image(one.data, width=112 if one.kind == "picture" else "stretch")
        elif not sample.text:
            st.caption(plain(f"{one.name}: {written(one, called)}"))
    rows = answer_rows(sample, evalset)
    st.markdown("  \n".join(f"{who}: **{plain(said)}**" for who, said in rows))


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT else f"{text[:_TEXT].rstrip()} …"


def _lost(sample: Sample, evalset: EvalSet) -> str:
    metric = find_metric(evalset.metric)
    other = sample.original.chosen != sample.optimized.chosen
    if sample.lost <= 0:
        return (", became right" if sample.lost else ", another answer") if other else ""
    if metric.right_or_wrong and evalset.labelled:
        return ", became wrong"
    if other and not evalset.labelled:
        return ", another answer"
    return f", {metric.show_difference(sample.lost)} worse"


def answer_rows(sample: Sample, evalset: EvalSet) -> list[tuple[str, str]]:
    """Who says what of a sample: the original, the optimized model, the label if there is one."""
    sides = [
        ("Original", sample.original),
        ("Optimized", sample.optimized),
        ("Label", sample.label),
    ]
    return [(who, answered(answer, evalset)) for who, answer in sides if answer]


def answered(answer: Answer, evalset: EvalSet) -> str:
    """A class by its name and its score, or the first numbers."""
    if answer.chosen >= 0:
        score = _score(answer)
        told = f" (score {score:.3g})" if score is not None else ""
        return f"{class_name(answer.chosen, evalset)}{told}"
    return _numbers(answer.values, _VALUES)


def _score(answer: Answer) -> float | None:
    """The chosen class's score, where the numbers are scores of classes."""
    if len(answer.values) > 1 and answer.chosen < len(answer.values):
        return answer.values[answer.chosen]
    return None


def class_name(number: int, evalset: EvalSet) -> str:
    """A class as the EvalSet names it; else its number."""
    return evalset.classes[number] if 0 <= number < len(evalset.classes) else str(number)


def written(one: Shown, called: Sequence[str] = ()) -> str:
    """An input's first values, by what they are called, how many there are, what was done."""
    most = _TOKENS if one.kind == "tokens" else _COLUMNS * _VALUES
    about = f" ({one.about})" if one.about else ""
    if len(one.values) > _ALIKE and len(set(one.values)) == 1:  # such as a mask
        return f"{len(one.values)} × {_number(one.values[0])}{about}"
    return f"{_numbers(one.values, most, called)}{about}"


def _numbers(values: Sequence[float], most: int, called: Sequence[str] = ()) -> str:
    pairs = zip_longest(called[: len(values)], map(_number, values), fillvalue="")
    shown = ", ".join(" ".join(filter(None, pair)) for pair in islice(pairs, most))
    return f"{shown} …" if len(values) > most else shown


def _number(value: float) -> str:
    """Four digits; whole numbers up to ten millions in full."""
    whole = isfinite(value) and value == int(value) and abs(value) < _IN_FULL
    return f"{value:.0f}" if whole else f"{value:.4g}"
