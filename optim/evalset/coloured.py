"""Masks in colours: which class each colour is."""

import re
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np

from optim.arrays import Array
from optim.evalset.stored import fail
from optim.evalset.zipped import is_hidden, path_of, text_of
from optim.metrics.support.pixels import VOID
from optim.names import legible

Colour = tuple[int, int, int]
CODES = 1000
"""From here on, numbers of a mask stand for colours that were seen."""
_MOST = 256
_CALLED = re.compile("colou?r|class|label|palette|legend", re.IGNORECASE)
_NUMBERS = r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
_NAME_FIRST = re.compile(rf"\s*(?P<name>[^,;:\t#]*[^,;:\t#\d\s][^,;:\t#]*?)[\s,;:]+{_NUMBERS}\b")
_NAME_LAST = re.compile(rf"\s*{_NUMBERS}[\s,;:]+(?P<name>[^\d\s].*?)\s*$")
OF_NO_CLASS = re.compile("_*(void|ignored?|unlabell?ed)_*$", re.IGNORECASE)
"""What is called so does not count."""


class Colours:
    """The colours that masks hold, and the number that stands for each until all are known."""

    def __init__(self) -> None:
        self.seen: dict[Colour, int] = {}

    def coded(self, pixels: Array, name: str) -> Array:
        """The numbers int32[height, width] that stand for colours uint8[height, width, 3].

        Raises InputError for more than masks have.
        """
        packed = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        found, places = np.unique(packed, return_inverse=True)
        if len(found) + len(self.seen) > 2 * _MOST:
            raise fail(
                f"The mask {legible(name)!r} holds {len(found):,} colours: that is a picture, or "
                "colours that were mixed when it was made smaller or saved as JPEG.",
                "Save masks as they were drawn, as PNG.",
            )
        colours = [(value >> 16, value >> 8 & 255, value & 255) for value in found.tolist()]
        codes = [self.seen.setdefault(colour, CODES + len(self.seen)) for colour in colours]
        numbers: Array = np.array(codes, np.int32)[places.reshape(packed.shape)]
        return numbers

    def classes(self, known: Mapping[Colour, tuple[str, int]], classes: int) -> tuple[Array, str]:
        """The class of each colour, in the order in which they were seen, and what to say of it.

        Args:
            known: the name and the class of colours that a file of the zip lists.
            classes: how many the model scores; 0: not known.

        Raises: InputError where nobody can tell.
        """
        if all(red == green == blue for red, green, blue in self.seen):
            return np.array([grey for grey, *_ in self.seen], np.int16), ""
        told = {colour: number for colour, (_, number) in known.items()}
        named = {number: name for name, number in known.values()}
        said = "as the zip lists them"
        if not known and {*self.seen} <= VOC.keys():
            told, said = VOC, "by PASCAL VOC's palette"
        elif not known and classes == 2 and len({*self.seen} - {_BLACK}) == 1:
            told, said = {colour: int(colour != _BLACK) for colour in self.seen}, "black as 0"
        unknown = [colour for colour in self.seen if colour not in told]
        if unknown:
            raise _not_known(unknown, bool(known))
        numbers = [told[colour] for colour in self.seen]
        listed = ", ".join(
            f"{colour} = {number}" + (f" ({legible(named[number], 40)})" if number in named else "")
            for colour, number in [*zip(self.seen, numbers, strict=True)][:20]
        )
        return np.array(numbers, np.int16), f"Colours of masks to classes, {said}: {listed}."


def _not_known(unknown: Sequence[Colour], listed: bool) -> Exception:
    some = ", ".join(map(str, unknown[:5])) + ", ..." * (len(unknown) > 5)
    where = "in the zip's list of colours" if listed else "known"
    return fail(
        f"The masks are in colours, and the classes of {some} are not {where}.",
        "Put a file class_dict.csv in the zip: a line `name,r,g,b` for each class, in the order "
        "of the model's classes; or save masks as grey or as a palette, with the number of the "
        "class at each pixel.",
    )


def listed_colours(archive: zipfile.ZipFile, files: Sequence[zipfile.ZipInfo]) -> dict[Colour, str]:
    """The name of each colour, in order, that a text of the zip lists: `name,r,g,b` or
    `r g b name`. Empty without one."""
    texts = [one for one in files if path_of(one).suffix.lower() in (".csv", ".txt", ".tsv")]
    for one in texts:
        path = path_of(one)
        if _CALLED.search(path.name) and not is_hidden(path) and (found := _in(archive, one)):
            return found
    return {}


def _in(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> dict[Colour, str]:
    lines = [line for line in text_of(archive, member).splitlines() if line.strip()]
    lines = [line for line in lines if not line.lstrip().startswith(("#", "//"))]
    found = [_NAME_FIRST.match(line) or _NAME_LAST.match(line) for line in lines[:_MOST]]
    kept = [one for one in found if one]
    if len(kept) < 2 or len(kept) < len(lines[:_MOST]) - 1:  # one line may name the columns
        return {}
    numbers = [[int(text) for text in one.groups() if text != one["name"]] for one in kept]
    colours = {(r, g, b): one["name"].strip() for (r, g, b), one in zip(numbers, kept, strict=True)}
    return colours if all(max(colour) < 256 for colour in colours) else {}


def numbered(colours: Mapping[Colour, str], classes: int) -> dict[Colour, tuple[str, int]]:
    """The name and the class of listed colours: their place, without those of no class where the
    model has as many classes as are left."""
    void = [colour for colour, name in colours.items() if OF_NO_CLASS.match(name)]
    if len(colours) - len(void) != classes:
        void = []
    rest = [colour for colour in colours if colour not in void]
    told = {colour: (colours[colour], place) for place, colour in enumerate(rest)}
    return told | {colour: (colours[colour], VOID) for colour in void}


def _voc(number: int) -> Colour:
    """Its colour in PASCAL VOC's palette: bits of the number, spread over the three."""
    red, green, blue = (
        sum((number >> (3 * bit + band) & 1) << (7 - bit) for bit in range(8)) for band in range(3)
    )
    return red, green, blue


_BLACK = (0, 0, 0)
VOC = {_voc(number): number for number in range(_MOST)}
