"""The pages of the application, in the order in which the navigation shows them."""

from typing import NamedTuple

TITLE = "Inference Optimization Explorer"
HEADLINE = "Make a trained model faster, and see what it costs"


class Page(NamedTuple):
    """One page: `pages/NAME.py`, at the address `/NAME`; the first one is at `/`."""

    name: str
    title: str


PAGES = (
    Page("start", "Start"),
    Page("explore", "Explore"),
    Page("graph", "Graph"),
    Page("compare", "Compare"),
    Page("why", "Why"),
    Page("hardware", "Hardware"),
    Page("serve", "Serve"),
    Page("export", "Export"),
    Page("parts", "Parts"),
    Page("learn", "Learn"),
)
