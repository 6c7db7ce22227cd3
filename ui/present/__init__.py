"""Presenter mode of the Explore page: chart, verdict, one sentence; nothing else on the screen."""
