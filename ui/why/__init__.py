"""Whose gain a trial's is, and where its quality went: sections of the Why page."""
