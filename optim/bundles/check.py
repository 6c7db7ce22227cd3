"""One comparison of a replay, and how versions explain a difference."""

from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from optim.bundles.bundle import About, libraries


class Check(BaseModel):
    """One comparison: `ok` is None where it could not be made, and the text says why."""

    model_config = ConfigDict(frozen=True)

    name: str
    ok: bool | None
    text: str


def other_versions(about: About, names: Collection[str] = ()) -> list[str]:
    """Which libraries, of these if any are named, a bundle was made with in another version."""
    here = libraries(about.libraries)
    return [
        f"{name} was {version} and is {here.get(name, 'missing')}"
        for name, version in about.libraries.items()
        if (not names or name in names) and here.get(name) != version
    ]
