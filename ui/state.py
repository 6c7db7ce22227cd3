"""What a browser session has chosen, and what all sessions share: the queue."""

from collections.abc import Iterable

import streamlit as st

from optim.errors import InputError, OptimError, StoreLost
from optim.learning.classroom import Classes
from optim.learning.experimenting import Experiments
from optim.load.loads import Loads
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.search.explore import starting_set
from optim.search.searches import Searches
from optim.settings import settings
from optim.studies.goal import DEFAULT, Goal
from optim.studies.listing import StudyInfo, list_studies
from optim.studies.study import Study, open_study
from optim.studies.trial import Trial
from optim.why.explanations import Explanations
from ui.errors import show
from ui.text import is_number, key_of, plain

EXPLORE, GRAPH, COMPARE, WHY, HARDWARE, EXPORT, PARTS, START = (
    f"pages/{name}.py"
    for name in ("explore", "graph", "compare", "why", "hardware", "export", "parts", "start")
)
LEARN, SERVE = "pages/learn.py", "pages/serve.py"
PARTS_TAB, RUNTIMES_TAB, TARGETS_TAB = "tab", "Runtimes", "Target hardware"
_STUDY = "study"
_ASKED_FOR = "asked_for"
_DELETED = "deleted"
_PAGE, ENTERED = "page_drawn", "page_entered"
_NEWEST = 8


@st.cache_resource(on_release=Queue.close)
def queue() -> Queue:
    """The one queue of this server. Raises InputError if the scheduler cannot be reached."""
    return Queue.open()


@st.cache_resource(on_release=Searches.close)
def searches() -> Searches:
    """The searches of this server, which take the machine from its queue."""
    return Searches(queue)


@st.cache_resource
def explanations() -> Explanations:
    """The explanations of this server, which take the machine from its queue."""
    return Explanations(queue)


@st.cache_resource(on_release=Experiments.close)
def experiments() -> Experiments:
    """The experiments of this server's lessons, which take the machine from its queue."""
    return Experiments(queue)


@st.cache_resource(on_release=Loads.close)
def loads() -> Loads:
    """The loads of this server, which take the machine from its queue."""
    return Loads(queue)


@st.cache_resource
def classes() -> Classes:
    """The classes of this server."""
    return Classes()


def page(path: str) -> str:
    """A page's path as Streamlit wants it: relative to the main script."""
    return f"../{path}"


def choose_study(name: str) -> None:
    """Make a study this session's, and the address's, so that it can be passed on."""
    st.session_state[_STUDY] = name
    st.query_params[_STUDY] = name


def study_name() -> str | None:
    """The study in the page's address, else the one chosen before in this session."""
    name = st.query_params.get(_STUDY) or st.session_state.get(_STUDY)
    if name:
        choose_study(name)
    return name


def require_study() -> Study:
    """The chosen study; without one, a way to the start page and the end of the page."""
    name = study_name()
    study = None
    try:
        study = open_study(name) if name else None
    except StoreLost as error:  # the study may still be there when the store is
        show(error)
        st.stop()
    except OptimError as error:
        st.session_state.pop(_STUDY, None)
        show(error)
    if study is None:
        st.info("No study is open. Bring a model, pick a sample, or open one of these studies.")
        st.page_link(page(START), label="Go to the start page")
        _newest_studies()
        st.stop()
    return study


def study_label(info: StudyInfo) -> str:
    """A study in one line: its name, how many trials, when it was made."""
    trials = f"{info.trials} trial{'' if info.trials == 1 else 's'}"
    return f"{info.title} · {trials} · {info.created[:16].replace('T', ' ')}"


def study_link(info: StudyInfo) -> None:
    """A link that opens a study."""
    name, rest = plain(info.title), study_label(info).removeprefix(info.title)
    st.page_link(page(EXPLORE), label=f"**{name}**{rest}", query_params={_STUDY: info.name})


def _newest_studies() -> None:
    """Links to the newest studies; the start page has them all."""
    studies = list_studies()
    for info in studies[:_NEWEST]:
        study_link(info)
    if len(studies) > _NEWEST:
        st.caption(f"{len(studies) - _NEWEST} more are on the start page.")


def submit(study: Study, recipes: Iterable[Recipe], target: str, origin: str) -> list[int]:
    """Add recipes to a study and queue them. The same recipe twice is one trial.

    Raises InputError where this session has too many under way.
    """
    recipes = [*recipes]
    _check_quota(len(recipes))
    numbers = study.add_all(recipes, target, origin=origin)
    queue().submit(study, *numbers)
    _asked_for().update((study.name, number) for number in numbers)
    return numbers


def retry(study: Study, number: int) -> int:
    """Run a new trial in place of one that ended badly. Raises InputError, as `submit` does."""
    _check_quota(1)
    new = queue().retry(study, number)
    _asked_for().add((study.name, new))
    return new


def delete(study: Study, numbers: Iterable[int]) -> None:
    """Leave trials out of a study, but for the original; `undelete` brings them back."""
    gone = [n for n in numbers if not study.trial(n).is_original]
    for number in gone:
        queue().delete(study, number)
    if gone:
        st.session_state[key_of(_DELETED, study.name)] = gone


def undelete(study: Study) -> None:
    """Bring back what was deleted last."""
    for number in st.session_state.pop(key_of(_DELETED, study.name), ()):
        study.restore(number)


def deleted(study: Study) -> list[int]:
    """The numbers of the trials that this session deleted last, if that can be undone."""
    found: list[int] = st.session_state.get(key_of(_DELETED, study.name), [])
    return found


def _asked_for() -> set[tuple[str, int]]:
    """The trials that this session has asked for."""
    found: set[tuple[str, int]] = st.session_state.setdefault(_ASKED_FOR, set())
    return found


def room() -> int:
    """How many trials more this session may have under way."""
    under_way = {(item.study, item.number) for item in queue().pending()} & _asked_for()
    return settings().session_trials - len(under_way)


def _check_quota(more: int) -> None:
    most = settings().session_trials
    if more > room():
        raise InputError(
            f"This session has {most - room()} trials under way and may have {most}: too few for "
            f"{more} more.",
            "Wait until some have ended, cancel some, or raise OPTIM_SESSION_TRIALS.",
        )


def begin(study: Study) -> None:
    """Open a study on the Explore page; a new one starts with as much of the starting set as this
    session may have under way."""
    if not study.trials():
        submit(study, starting_set(study.model)[: max(room(), 1)], "local", "start")
    choose_study(study.name)
    st.switch_page(page(EXPLORE), query_params={_STUDY: study.name})


def goal_of(study: Study) -> Goal:
    """What this session chooses for in a study."""
    found: Goal = st.session_state.get(key_of("goal", study.name), DEFAULT)
    return found


def keep_goal(study: Study, goal: Goal) -> None:
    """Choose for another goal from now on."""
    st.session_state[key_of("goal", study.name)] = goal


def trials_in_address(study: Study) -> list[Trial]:
    """The trials that the page's address names, else the one this session looks at."""
    asked = [int(text) for text in st.query_params.get_all("trial") if is_number(text)]
    looked_at = chosen_trial(study)
    numbers = asked or ([] if looked_at is None else [looked_at])
    return [trial for trial in study.trials() if trial.number in numbers]


def note_page(title: str) -> None:
    """Note which page is drawn, so that it knows whether it was come to just now."""
    st.session_state[ENTERED] = st.session_state.get(_PAGE) != title
    st.session_state[_PAGE] = title


def entered() -> bool:
    """Whether the page was come to just now, rather than drawn again: its address counts then."""
    return bool(st.session_state.get(ENTERED))


def chosen_trial(study: Study) -> int | None:
    """The trial that this session looks at."""
    return st.session_state.get(key_of("trial", study.name))


def choose_trial(study: Study, number: int | None) -> None:
    """Look at another trial; the address then names it, so that it can be passed on."""
    st.session_state[key_of("trial", study.name)] = number
    if number is not None:
        st.query_params["trial"] = str(number)
