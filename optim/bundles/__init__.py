"""Bundles: a decision with its proof, written, checked and replayed."""
