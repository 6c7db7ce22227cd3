"""YAML and JSON of strangers, read within bounds: plain values, nothing twice, no aliases, no tags.

A few hundred bytes of YAML can stand for gigabytes (aliases of aliases), and either can nest
deeper than whoever walks it can follow.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from optim.errors import InputError, first_line

_MAX_YAML_BYTES = 100_000
_MAX_JSON_BYTES = 16_000_000
_MAX_DEPTH = 32
_MAX_VALUES = 400_000
_MAX_YAML_EVENTS = 20_000
_MAX_BITS = 63
_OPENING = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSING = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


def files_within_bounds(paths: Mapping[str, str]) -> dict[str, Any]:
    """The values in files by the names they go by here. For a child: see `optim.sandbox.call`.

    Raises InputError that names the file.
    """
    return {name: _file(name, Path(path)) for name, path in paths.items()}


def from_yaml(text: str) -> Any:
    """The value that a YAML text stands for. Raises InputError."""
    _check_size(len(text.encode(errors="replace")), _MAX_YAML_BYTES)
    try:
        _check_events(text)
        value = yaml.load(text, Loader=_NothingTwice)
    except ValueError:  # a number of more digits than Python reads
        raise _refused("holds a number or a date that is none") from None
    except yaml.YAMLError as error:
        raise _refused(f"is not plain YAML ({first_line(error)})") from None
    _check(value, _MAX_DEPTH)
    return value


def from_json(data: bytes) -> Any:
    """The value that a JSON text stands for. Raises InputError."""
    _check_size(len(data), _MAX_JSON_BYTES)
    if sum(map(data.count, (b",", b"[", b"{"))) > _MAX_VALUES:
        raise _refused(f"holds more than {_MAX_VALUES:,} values")
    try:
        value = json.loads(data.decode(), object_pairs_hook=_pairs)
    except RecursionError:
        raise _refused("is nested too deeply") from None
    except ValueError as error:
        raise _refused(f"is not JSON ({first_line(error)})") from None
    _check(value, _MAX_DEPTH)
    return value


class _NothingTwice(yaml.SafeLoader):
    """Refuses a key that stands twice: two readers may believe different ones."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        if len({*map(str, keys)}) < len(keys):
            raise yaml.YAMLError("a key stands twice")
        return super().construct_mapping(node, deep)


def _file(name: str, path: Path) -> Any:
    try:
        with path.open("rb") as source:
            data = source.read(_MAX_JSON_BYTES + 1)
        return _reader(path)(data)
    except OSError as error:
        raise InputError(f"{name} cannot be read ({error.strerror}).", "Export it again.") from None
    except InputError as error:
        raise InputError(f"{name} {error.what}", error.next_step) from None


def _reader(path: Path) -> Callable[[bytes], Any]:
    if path.suffix == ".yaml":
        return lambda data: from_yaml(data.decode(errors="replace"))
    return from_json


def _check_events(text: str) -> None:
    """Before anything is made of them: the events of a YAML text, one after the other."""
    depth = 0
    for count, event in enumerate(_events(text)):
        depth += isinstance(event, _OPENING) - isinstance(event, _CLOSING)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused("uses aliases or anchors, which plain YAML needs none of")
        if getattr(event, "tag", None):  # PyYAML fails in many ways on what does not fit its tag
            raise _refused("uses tags (such as !!int), which plain YAML needs none of")
        if depth > _MAX_DEPTH:
            raise _refused("is nested too deeply")
        if count > _MAX_YAML_EVENTS:
            raise _refused("holds too many values")


def _events(text: str) -> Iterator[yaml.Event]:
    found: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
    return found


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _check(value: Any, depth: int) -> None:
    """Raise InputError unless a value is plain, neither too deep nor with integers too large."""
    if depth < 0:
        raise _refused("is nested too deeply")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise _refused("has keys that are no text")
        value = [*value, *value.values()]
    if isinstance(value, list):
        for one in value:
            _check(one, depth - 1)
    elif why := _not_plain(value):
        raise _refused(why)


def _not_plain(value: Any) -> str:
    """What is wrong with a single value; empty where it is plain."""
    if isinstance(value, str):
        return "holds half a character (a lone surrogate)" if _is_broken(value) else ""
    if isinstance(value, int):
        return "holds an integer of more than 64 bits" if value.bit_length() > _MAX_BITS else ""
    if isinstance(value, float | None):
        return ""
    return f"holds a {type(value).__name__}, which is no plain value"


def _is_broken(text: str) -> bool:
    """Whether it can be written nowhere: Python reads such text and fails when it is encoded."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _check_size(count: int, limit: int) -> None:
    if count > limit:
        raise _refused(f"is larger than {limit / 1000:,.0f} kB")


def _refused(why: str) -> InputError:
    return InputError(f"{why}.", "Export it again, or ask for an intact copy.")
