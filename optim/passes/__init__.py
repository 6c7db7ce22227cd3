"""Passes: model-to-model optimizations, one file each. See `base.Pass`."""
