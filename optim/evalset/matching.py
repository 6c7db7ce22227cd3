"""Which array is meant for which input, where names do not say it outright.

In this order: the same name; the same but for capitals, signs and a split's name (`Input_0_test`
for `input:0`); arrays that were saved without names, in the inputs' order; the only array for the
only input; the one array that has an input's shape and type. What fits two inputs, or of which two
fit one, is nobody's: that is asked.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from optim.evalset.axes import fitted
from optim.evalset.naming import likely_inputs, stem_of

Sizes = tuple[int | None, ...]
_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Form:
    """A shape, None where an axis may have any size, and the dtype's name."""

    shape: Sizes
    dtype: str

    def takes(self, sample: "Form") -> bool:
        """Whether an input of this form can be given such a sample, with or without its batch."""
        floats = "float" in self.dtype
        if floats != ("float" in sample.dtype):
            return False
        sizes = [size or 0 for size in sample.shape]
        return fitted(sizes, self.shape[1:]) is not None or _alike(self.shape, sample.shape)


@dataclass(frozen=True)
class Match:
    """Input -> the array meant for it, and whether shapes alone say it of any."""

    arrays: Mapping[str, str]
    by_form: bool = False


Forms = Mapping[str, Form]


def match(inputs: Forms, samples: Forms) -> Match:
    """The array for each input for which one is meant.

    Args:
        inputs: of the model, in its order.
        samples: the form of one sample of each array that may be one.
    """
    found = {name: name for name in inputs if name in samples}
    formed: Mapping[str, str] = {}
    for step in (_by_likeness, _in_order, _only, _by_form):
        left = [key for key in samples if key not in found.values()]
        missing = [name for name in inputs if name not in found]
        formed = step(missing, left, inputs, samples)
        found |= formed
    return Match(found, by_form=bool(formed))


def _by_likeness(
    missing: Sequence[str], left: Sequence[str], inputs: Forms, samples: Forms
) -> dict[str, str]:
    names, keys = _once(missing), _once(left)
    return {name: keys[plain] for plain, name in names.items() if plain in keys}


def _once(names: Sequence[str]) -> dict[str, str]:
    """Plain form -> the name, of those whose plain form is theirs alone."""
    plain = [_SIGNS.sub("", stem_of(name)) for name in names]
    return {p: name for p, name in zip(plain, names, strict=True) if p and plain.count(p) == 1}


def _in_order(
    missing: Sequence[str], left: Sequence[str], inputs: Forms, samples: Forms
) -> dict[str, str]:
    pairs = {name: f"arr_{place}" for place, name in enumerate(inputs)}
    if len(inputs) < 2 or [*missing] != [*inputs] or not {*pairs.values()} <= {*left}:
        return {}
    fit = all(inputs[name].takes(samples[key]) for name, key in pairs.items())
    return pairs if fit else {}


def _only(
    missing: Sequence[str], left: Sequence[str], inputs: Forms, samples: Forms
) -> dict[str, str]:
    likely = likely_inputs(left)
    return {missing[0]: likely[0]} if len(inputs) == len(missing) == len(likely) == 1 else {}


def _by_form(
    missing: Sequence[str], left: Sequence[str], inputs: Forms, samples: Forms
) -> dict[str, str]:
    able = {name: [k for k in left if inputs[name].takes(samples[k])] for name in missing}
    taken = [key for keys in able.values() for key in keys]
    return {
        name: keys[0] for name, keys in able.items() if len(keys) == 1 and taken.count(keys[0]) == 1
    }


def _alike(wanted: Sizes, given: Sizes) -> bool:
    pairs = zip(wanted, given, strict=False)
    return len(wanted) == len(given) and all(a is None or a == b for a, b in pairs)
