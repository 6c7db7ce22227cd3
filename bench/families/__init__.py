"""Which pays where: every pass and every engine, one recipe each, on the samples and larger models.

`python -m bench families [NAMES] --minutes M`: what is not measured yet is, as a trial is, for so
long; rows are kept in `bench/families/`, a file for each model and machine, so that it goes on
where it was. Rows that other work disturbed are measured again. `--document` writes the table.
Models can be measured beside each other where each run has cores and a TMPDIR of its own.
"""

from bench.families.measuring import run

__all__ = ["run"]
