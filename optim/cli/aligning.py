"""Columns of text."""

from collections.abc import Sequence


def align(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as columns of text."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
