"""Read what a user brought, an `.npz` or a table: check all, believe nothing. Runs in a child."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.evalset import grouping, stored
from optim.evalset.answers import (
    answers_in,
    checked_labels,
    class_names,
    names_of,
    with_labels,
)
from optim.evalset.axes import how_to_fit, samples_first, with_axes
from optim.evalset.beside import check_pickled, left_out, under_words
from optim.evalset.casting import cast, numpy_dtype
from optim.evalset.coded import numbers_for, texts_of
from optim.evalset.columns import arrays_of
from optim.evalset.extras import by_input, contents_of, feature_names, sample_texts
from optim.evalset.lookups import check_lookups
from optim.evalset.matching import Form, Match, match
from optim.evalset.naming import judged_by, labelled
from optim.evalset.relabelling import Relabelling
from optim.evalset.stored import fail
from optim.evalset.tables import is_table
from optim.evalset.tryout import check_extremes, check_odd_samples
from optim.evalset.unread import filled, unread
from optim.evalset.unzipping import load
from optim.metrics.base import find_metric
from optim.metrics.choosing import check_labels
from optim.model import TensorSpec
from optim.names import legible, some

OF_SAMPLES = ("calibration", "texts")
RESERVED = ("labels", "metric", "classes", "calibration", "texts", "vocabulary", "features")


def convert(
    path: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    max_mb: int,
    out: str,
    model: str = "",
    relabelling: str = "",
    label: str = "",
) -> None:
    """Child: check the `.npz` or table at `path` for a model with these inputs and outputs; store
    at `out`.

    Args:
        model: its ONNX file, to try samples on whose numbers are not finite.
        relabelling: a change of the labels by its spelling.
        label: a table's column of labels; empty: found.

    Raises InputError: one sentence for what is wrong with it, and what to do.
    """
    specs, results = as_specs(inputs), as_specs(outputs)
    names, notes = [spec.name for spec in specs], list[str]()
    words = reserved(names)
    idle = unread(Path(model)) if model else set[str]()
    texts = texts_of(Path(model) if model else None)
    if is_table(Path(path)):
        read = grouping.of_one(specs, grouping.taken_at_once(specs, results))
        file, read = Path(model) if model else None, [s for s in read if s.name not in idle]
        arrays = arrays_of(Path(path), read, max_mb, words, file, label, notes)
        if len(read) < len(specs):  # names would have to be there for all
            arrays.pop(words["features"], None)
    else:
        known, pickled = {*names, *words.values()}, dict[str, InputError]()
        arrays = load(Path(path), max_mb, pickled)
        check_pickled(pickled, arrays, known, notes)
        arrays = labelled(judged_by(arrays, known, notes), names, words["labels"], notes)
        arrays = under_words(arrays, words, grouping.of_one(specs, 1))
        known |= names_of(words, results)
        arrays = left_out(arrays, known, bool(texts), notes)
    named = _by_input(arrays, specs, results, idle, notes)
    named, unknown = numbers_for(named, specs, texts)
    notes += unknown
    shaped = with_axes(samples_first(named, specs, notes), specs, notes)
    given = filled(shaped, specs, results, max_mb, notes)
    given = grouping.opened(given, specs, results)
    arrays = dict(given)
    together = grouping.wanted(given, specs, results)
    ones = grouping.of_one(specs, together)
    checked = {spec.name: _samples(given[spec.name], spec, notes) for spec in ones}
    extras, words = _extras(arrays, checked), reserved(checked)
    answers = answers_in({n: a for n, a in arrays.items() if n not in checked}, words, results)
    outputs_of_one = grouping.of_one(results, together)
    kept = with_labels(answers, _count(checked), outputs_of_one)
    if not kept.all():
        notes.append(f"{np.sum(~kept):,} samples are marked as having no label and are left out.")
        checked = {name: array[kept] for name, array in checked.items()}
        extras |= {w: extras[w][kept] for w in OF_SAMPLES if len(extras.get(w, ())) == len(kept)}
        answers = [one.only(kept) for one in answers]
    count = _count(checked)
    runs = {name: grouping.in_runs(array, together) for name, array in checked.items()}
    if model:
        notes += check_lookups(Path(model), runs)
        check_extremes(Path(model), runs)
    features = feature_names(extras["features"], ones) if "features" in extras else ()
    called = by_input(features, ones)
    notes += check_odd_samples(Path(model) if model else None, runs, called)
    if answers[0].labels is not None and relabelling:
        change = Relabelling.parse(relabelling)
        answers[0] = replace(answers[0], labels=change.applied(answers[0].labels))
        notes.append(change.note(class_names(answers[0].classes)))
    contents = contents_of(checked, count, extras, answers, outputs_of_one, tuple(notes))
    contents = replace(contents, features=features)
    stored.write(grouping.grouped(contents, together), Path(out))


def check_stored(
    path: str, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], max_mb: int
) -> None:
    """Child: check a file in the stored form (`stored`) that comes from elsewhere.

    Raises InputError where it is not one, or not for a model with these inputs and outputs.
    """
    specs, arrays = as_specs(inputs), load(Path(path), max_mb)
    about = stored.about(Path(path))
    together = int(about.get("together", 1))
    if about.get("inputs") != [spec.name for spec in specs]:
        raise fail("Its inputs are not the model's.", "Export the bundle again.")
    for split in ("calibration", "validation"):
        count = int(about.get(f"{split}_count", 0))
        for position, spec in enumerate(specs):
            array = arrays.get(f"{split}_{position}", np.empty(0))
            if array.shape != (count, *spec.shape) or array.dtype != numpy_dtype(spec):
                raise fail(f"Its {split} samples do not fit the model.", "Export the bundle again.")
        if about.get("described"):
            texts = flat(arrays.get(f"{split}_texts", np.empty(0)), together)
            sample_texts(texts, count * together)
        if about.get("features"):
            feature_names(np.array(about["features"]), grouping.of_one(specs, together))
        ones = grouping.of_one(as_specs(outputs), together)
        for member, metric, output in _judged(about):
            labels = flat(arrays.get(f"{split}_{member}", np.empty(0)), together)
            labels = checked_labels(labels, count * together)
            able = [spec for spec in ones if output in ("", spec.name)]
            check_labels(find_metric(metric), labels, able, 0)


def _judged(about: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Each array of labels in the stored form, its metric and its output."""
    if not about.get("labelled"):
        return []
    lead = ("labels", str(about.get("metric")), str(about.get("output", "")))
    others = about.get("others", ())
    rest = [(f"labels_{i}", str(o["metric"]), str(o["output"])) for i, o in enumerate(others)]
    return [lead, *rest]


def flat(array: Array, together: int) -> Array:
    """What belongs to single samples, [rows, together, ...], as [samples, ...]."""
    return array if together == 1 else array.reshape(-1, *array.shape[2:])


def as_specs(items: list[dict[str, Any]]) -> list[TensorSpec]:
    """Tensor descriptions as they travel to a child."""
    return [TensorSpec.model_validate(item) for item in items]


def _extras(arrays: Mapping[str, Array], inputs: Collection[str]) -> dict[str, Array]:
    """The arrays that are no inputs, by their reserved word."""
    return {word: arrays[key] for word, key in reserved(inputs).items() if key in arrays}


def reserved(inputs: Collection[str]) -> dict[str, str]:
    """Reserved word -> the array's name: `evalset_labels` where an input is called `labels`."""
    return {word: f"evalset_{word}" if word in inputs else word for word in RESERVED}


def match_of(
    specs: Sequence[TensorSpec], arrays: Mapping[str, Array], others: Collection[str]
) -> Match:
    """The array meant for each input; `others` are names of arrays that are none."""
    inputs = {spec.name: Form(tuple(spec.shape), spec.dtype) for spec in specs}
    words = {*reserved(inputs).values(), *others} - inputs.keys()
    given = {key: array for key, array in arrays.items() if key not in words and array.ndim}
    return match(inputs, {k: Form(a.shape[1:], a.dtype.name) for k, a in given.items()})


def _by_input(
    arrays: Mapping[str, Array],
    specs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    idle: Collection[str],
    notes: list[str],
) -> dict[str, Array]:
    """The arrays called as the inputs, all of them but those that are idle. Raises InputError."""
    names = [spec.name for spec in specs]
    read = [spec for spec in specs if spec.name not in idle] or [*specs]
    of_outputs = names_of(reserved(names), outputs)
    found = match_of(read, arrays, of_outputs | {*idle})
    meant = {key: name for name, key in found.arrays.items() if key != name}
    notes += [_taken(key, name, len(read)) for key, name in meant.items()]
    arrays = {meant.get(key, key): array for key, array in arrays.items()}
    words = reserved(names)
    known = {*names, *words.values(), *of_outputs}
    unknown = [key for key in arrays if key not in known]
    wanted = f"The model's inputs are: {', '.join(names)}."
    next_step = f"Name the arrays after the inputs (and optionally {', '.join(words.values())})."
    if missing := [spec.name for spec in read if spec.name not in arrays]:
        raise fail(
            f"It has no array for the input {missing[0]!r}; it has "
            f"{some(unknown) or 'no other array'}. {wanted}",
            next_step,
        )
    samples = [len(arrays[spec.name]) for spec in read if arrays[spec.name].ndim]
    beside = [key for key in unknown if arrays[key].ndim and len(arrays[key]) not in samples]
    if beside and len(beside) == len(unknown):
        notes.append(f"Left out, as they are not of single samples: {some(beside)}.")
    elif unknown and found.by_form:
        notes.append(f"Left out: {some(unknown)}. Labels are taken where they are called labels.")
    elif unknown:
        raise fail(
            f"It has an array {legible(unknown[0])!r} that is no input. {wanted}",
            f"{next_step} Labels of single outputs are called as the outputs: "
            f"{', '.join(spec.name for spec in outputs)}.",
        )
    return {key: array for key, array in arrays.items() if key in known}


def _taken(key: str, name: str, inputs: int) -> str:
    which = "the model's only input" if inputs == 1 else "the input"
    return f"The array {legible(key)!r} was taken for {which}, {legible(name)!r}."


def _samples(array: Array, spec: TensorSpec, notes: list[str]) -> Array:
    """The array as [samples, *input shape] in the input's dtype."""
    shape = tuple(spec.shape)
    forms = [shape, shape[1:]] if shape[:1] == (1,) else [shape]
    if array.ndim == 0 or array.shape[1:] not in forms:
        wanted = " or ".join(str(["samples", *form]).replace("'", "") for form in forms)
        raise fail(
            f"The array {spec.name!r} has shape {list(array.shape)}; the model wants {wanted}.",
            how_to_fit(spec.name, array.shape, (0, *forms[-1]))
            or "Reshape it so that its first axis counts the samples.",
        )
    if len(array) == 0:
        raise fail(f"The array {spec.name!r} has zero samples.", "Give at least two samples.")
    return cast(array, spec, notes).reshape(len(array), *shape)


def _count(arrays: Mapping[str, Array]) -> int:
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise fail(
            f"The inputs have different numbers of samples: {listed}.",
            "Give every input the same number.",
        )
    return next(iter(counts.values()))
