"""Which recipes to try, and what is known to hurt before anything is measured."""
