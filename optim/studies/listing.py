"""The studies of the store: listed, searched, renamed, deleted and brought back.

A deleted study stays in the store, so that it can be restored; what it is called and whether it is
deleted are attributes of Optuna's study.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.studies.store import storage
from optim.studies.trial_store import Marks, marks_in

TITLE, DELETED, FIRST = "title", "deleted", "first"
"""Attributes: the name for people; whether it is deleted; the first trial that counts, since one
that is made anew after it was deleted begins with none."""
LONGEST_TITLE = 80


class StudyInfo(BaseModel):
    """One line about a study."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    model_digest: str
    evalset_digest: str
    created: str
    trials: int

    @classmethod
    def of(
        cls, name: str, attributes: Mapping[str, Any], marks: Mapping[int, Marks], trials: int
    ) -> "StudyInfo":
        """From a study's attributes and its trials' marks.

        Args:
            trials: how many there are in the store, left out ones too.
        """
        first = attributes.get(FIRST, 0)
        left_out = sum(mark.deleted and number >= first for number, mark in marks.items())
        return cls(
            name=name,
            title=attributes[TITLE],
            model_digest=attributes["model"],
            evalset_digest=attributes["evalset"],
            created=attributes["created"],
            trials=trials - first - left_out,
        )

    def matches(self, words: str) -> bool:
        """Whether title or name hold every one of these words."""
        text = f"{self.title} {self.name}".lower()
        return all(word in text for word in words.lower().split())


def list_studies(*, deleted: bool = False) -> list[StudyInfo]:
    """All studies, the newest first; or all that are deleted."""
    kept, infos = storage(), []
    for found in kept.get_all_studies():
        name, known = found.study_name, found.user_attrs
        if "created" in known and known.get(DELETED, False) == deleted:
            count = kept.get_n_trials(kept.get_study_id_from_name(name))
            infos.append(StudyInfo.of(name, known, marks_in(known), count))
    return sorted(infos, key=lambda info: info.created, reverse=True)


def searched(infos: Iterable[StudyInfo], words: str) -> list[StudyInfo]:
    """Those that these words find; all for none."""
    return [info for info in infos if info.matches(words)]


def rename_study(name: str, title: str) -> None:
    """Give a study another title; links to it stay. Raises InputError for none or a long one."""
    title = " ".join(title.split())
    if not 0 < len(title) <= LONGEST_TITLE:
        raise InputError(
            f"A study's name has 1 to {LONGEST_TITLE} characters; this has {len(title)}.",
            "Choose another.",
            "study",
        )
    _set(name, TITLE, title)


def delete_study(name: str) -> None:
    """Leave a study out of every list. End what runs in it first. Raises InputError."""
    _set(name, DELETED, True)


def restore_study(name: str) -> None:
    """Undo `delete_study`. Raises InputError."""
    _set(name, DELETED, False)


def missing_study(name: str) -> InputError:
    """What is said of a name that no study has."""
    return InputError(f"There is no study named {name[:120]!r}.", "Open one from the list.")


def _set(name: str, attribute: str, value: object) -> None:
    try:
        found = storage().get_study_id_from_name(name)
    except KeyError:
        raise missing_study(name) from None
    storage().set_study_user_attr(found, attribute, value)
