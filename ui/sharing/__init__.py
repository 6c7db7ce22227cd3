"""The page's part in sharing a study: reports, slides, recipes, the whole study as one file."""
