"""Findings held against models with a cause that is known, and against models with none."""
