"""Running trials: their steps, where these run and when."""
