"""Why a recipe is fast or slow: profiles of what engines execute, joined to the graph."""
