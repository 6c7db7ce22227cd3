"""How far an explanation has got: what is being done, and the share of all of it that is done."""

from collections.abc import Callable

Tell = Callable[[str, float], None]
"""Is told what is being done, and how much of all there is to do is done, 0 to 1."""


def nobody(text: str, share: float) -> None:
    """A listener that is none."""


def part(tell: Tell, start: float, end: float, about: str = "") -> Tell:
    """One that tells of a part, which goes from `start` to `end` of the whole.

    Args:
        about: what comes before each text.
    """
    return lambda text, share: tell(f"{about}{text}", start + share * (end - start))
