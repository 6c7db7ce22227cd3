"""A study taken away as a notebook, from the Export page."""

from support.explored import RECIPES, visited

from optim.learning.notebook import study_notebook
from optim.studies.study import Study


def test_the_export_page_offers_it(explored: Study) -> None:
    page = visited("export", explored)
    labels = [button.proto.label for button in page.get("download_button")]
    assert "Notebook" in labels


def test_it_holds_every_recipe_that_was_measured(explored: Study) -> None:
    made = study_notebook(explored).decode()
    assert all(recipe in made for recipe in RECIPES)
    assert explored.name in made
