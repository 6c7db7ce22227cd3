"""What is handed on of a whole study: a report, a slide, trials, recipes, one file of all of it."""
