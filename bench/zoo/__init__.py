"""Models that the search is proved on: trained here in minutes, or shipped by packages on PyPI.

`python -m bench zoo [NAMES]` makes them under `--cache`. A model is one file here that defines
`ENTRY`; it is found by being there. What data they learn from and are judged on, each file says.
"""

from bench.zoo.base import Entry, entries, made, model_file, subject

__all__ = ["Entry", "entries", "made", "model_file", "subject"]
