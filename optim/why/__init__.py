"""Why: what a recipe did to time and quality, whose gain it is, and what would mend the rest."""
