"""Studies and their trials: kept, changed, and the choice among them."""
