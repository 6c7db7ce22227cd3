"""Find the best configuration of a model, and what is known to hurt before it is measured."""
