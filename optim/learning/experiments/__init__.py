"""Experiments: what a lesson can measure, one file each; the module's name is the experiment's."""
