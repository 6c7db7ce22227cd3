"""Input specifications as text: `name:float32[1,3,224,224]`."""

import re
from typing import NamedTuple, Self

from optim.arrays import DTYPES
from optim.errors import InputError
from optim.names import legible

_SPEC = re.compile(r"(?P<name>.+):(?P<dtype>\w+)\[(?P<shape>[\d\s,]*)\]")


class InputSpec(NamedTuple):
    """Name, NumPy dtype name and static shape of one input."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `name:dtype[sizes]`. Raises InputError."""
        match = _SPEC.fullmatch(text.strip())
        if match is None or match["dtype"] not in DTYPES:
            raise InputError(
                f"{legible(text)!r} does not describe an input.",
                f"Write name:dtype[sizes], such as x:float32[1,3,224,224]; "
                f"dtypes: {', '.join(DTYPES)}.",
            )
        shape = tuple(int(size) for size in match["shape"].replace(",", " ").split())
        if 0 in shape:
            raise InputError(f"{legible(text)!r} has a size of 0.", "Use sizes of at least 1.")
        return cls(match["name"], match["dtype"], shape)
