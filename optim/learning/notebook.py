"""Lessons and studies as notebooks (.ipynb) that run against the library."""

from collections.abc import Iterable
from typing import Any

import nbformat
from nbformat import v4

from optim.learning.glossary import unmarked
from optim.learning.lesson import Lesson
from optim.studies.study import Study
from optim.studies.trial import Trial

_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
_NEEDS = (
    "*It needs the Inference Optimization Explorer in its environment (`pip install .`), and "
    "measures on the machine that it runs on.*"
)
_MOST_RECIPES = 30


def lesson_notebook(lesson: Lesson) -> bytes:
    """A lesson: text, picture, prediction, measurement, what to take home."""
    asked = lesson.question
    start = asked.slider.start if asked.slider else 0
    choices = [f"{place}. {choice.text}" for place, choice in enumerate(asked.choices)]
    sources = [f"- [{source.title}]({source.url})" for source in lesson.sources]
    return _written(
        [
            _said(f"# {lesson.title}", lesson.summary, _NEEDS),
            _said(unmarked(lesson.text)),
            _run(
                "from optim.learning import find_lesson",
                "",
                f"lesson = find_lesson({lesson.name!r})",
                "for panel in lesson.picture.draw():",
                "    print(panel.says)",
                "    panel.figure.show()",
            ),
            _said("## Predict first", asked.text, "\n".join(choices)),
            _run(f"guess = {start!r}  # the number of your answer, or a value"),
            _said("## Measure", lesson.experiment.does),
            _run(
                "experiment = lesson.experiment  # .briefly() for a quick try",
                "outcome = experiment.run(",
                "    lambda doing, share: print(f'{100 * share:.0f} % {doing}')",
                ")",
            ),
            _run(
                "from optim.learning.drawing import outcome_chart",
                "",
                "figure = outcome.figure(lesson.question.figure)",
                "print(lesson.question.check(guess, figure).text)",
                "print(outcome.rests_on, outcome.machine, *outcome.notes, sep='\\n')",
                "outcome_chart(outcome, lesson.question.figure).show()",
            ),
            _said("## To take home", *lesson.take_home),
            _said("## Sources", "\n".join(sources)),
        ]
    )


def study_notebook(study: Study) -> bytes:
    """A study: opened where its home folder is, else measured anew from its model and recipes."""
    trials = [trial for trial in study.trials() if trial.summary and not trial.error]
    return _written(
        [
            _said(
                f"# Study of {study.model.name}",
                f"Model `{study.model.digest}`, EvalSet `{study.evalset.digest}`.",
                _NEEDS,
                "Where the home folder has this study it is opened. Elsewhere give the model and "
                "its EvalSet by their paths: the same recipes are then measured there.",
            ),
            _run(
                "from optim.errors import InputError",
                "from optim.evalset import load_evalset",
                "from optim.ingest import ingest",
                "from optim.recipe import Recipe",
                "from optim.running.queue import Queue",
                "from optim.studies.study import create_study, open_study",
                "",
                f"NAME = {study.name!r}",
                'MODEL, EVALSET = "model.onnx", "evalset.npz"  # where there is no such study',
                f"RECIPES = [{_listed(trials)}]",
            ),
            _run(
                "try:",
                "    study = open_study(NAME)",
                "except InputError:",
                "    model = ingest(MODEL)",
                "    study = create_study(model, load_evalset(EVALSET, model))",
                "    numbers = study.add_all(Recipe.parse(text) for text in RECIPES)",
                "    with Queue.open() as queue:",
                "        queue.run_all(study, numbers)",
            ),
            _said("## What was measured"),
            _run(
                "import pandas as pd",
                "",
                "trials = [trial for trial in study.trials() if trial.summary]",
                "pd.DataFrame(",
                "    {",
                '        "trial": [t.number for t in trials],',
                '        "recipe": [t.recipe.spelling for t in trials],',
                '        "ms": [t.summary.p50_ms.value for t in trials],',
                '        "speed-up": [t.summary.speedup.value for t in trials],',
                '        "from": [t.summary.speedup.low for t in trials],',
                '        "to": [t.summary.speedup.high for t in trials],',
                '        "quality": [t.quality.value if t.quality else None for t in trials],',
                "    }",
                ")",
            ),
            _said("## The pick, with intervals"),
            _run(
                "from optim.studies.goal import DEFAULT",
                "from optim.studies.picking import picked",
                "",
                "best = picked(trials, DEFAULT)",
                "print(best.recipe.spelling if best else 'nothing yet')",
                "print(best.summary.speedup if best else '')",
            ),
            _said("## The trade-off"),
            _run(
                "import plotly.graph_objects as go",
                "",
                "speed = [t.summary.speedup for t in trials]",
                "go.Figure(",
                "    go.Scatter(",
                "        x=[s.value for s in speed],",
                "        y=[t.quality.value if t.quality else None for t in trials],",
                "        text=[t.recipe.spelling for t in trials],",
                "        error_x={",
                '            "array": [s.high - s.value for s in speed],',
                '            "arrayminus": [s.value - s.low for s in speed],',
                "        },",
                '        mode="markers",',
                "    )",
                ').update_layout(xaxis_title="speed-up", yaxis_title=study.evalset.metric).show()',
            ),
        ]
    )


def _listed(trials: Iterable[Trial]) -> str:
    spelled = dict.fromkeys(trial.recipe.spelling for trial in trials)
    return ", ".join(repr(text) for text in list(spelled)[:_MOST_RECIPES])


def _said(*paragraphs: str) -> Any:
    return v4.new_markdown_cell("\n\n".join(filter(None, paragraphs)))


def _run(*lines: str) -> Any:
    return v4.new_code_cell("\n".join(lines))


def _written(cells: list[Any]) -> bytes:
    """The same bytes for the same cells: their ids are their places."""
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"
    made = v4.new_notebook(cells=cells, metadata=_KERNEL)
    nbformat.validate(made)
    return str(nbformat.writes(made)).encode()
