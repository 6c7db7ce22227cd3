"""Parts on the command line: listed, installed, removed."""

import json
import sys
from argparse import Namespace
from dataclasses import asdict
from typing import Any

from optim.cli.aligning import align
from optim.environments import remove
from optim.environments.making import make
from optim.errors import Cancelled, InputError, StepError
from optim.findings import percent
from optim.metrics.base import all_metrics
from optim.part import BUILT_IN, Part, broken_parts
from optim.passes.base import all_passes
from optim.runtimes.base import all_runtimes
from optim.runtimes.support import compiled
from optim.targets import all_targets


def parts(args: Namespace) -> int:
    """List passes, runtimes, metrics and targets, and what other packages announce in vain."""
    targets = {target.name: target.title for target in all_targets().values()}
    broken, kinds = broken_parts(), _kinds()
    if args.json:
        listed = {kind: {n: _about(p) for n, p in known.items()} for kind, known in kinds.items()}
        left_out = [asdict(one) for one in broken]
        print(json.dumps({**listed, "targets": targets, "broken": left_out}, indent=1))
        return 0
    for kind, known in kinds.items():
        rows = [["", name, part.title, _remark(part)] for name, part in known.items()]
        print(f"{kind}\n{align(rows)}\n")
    print(f"targets\n{align([['', *row] for row in targets.items()])}")
    if broken:
        rows = [["", one.name, one.origin, one.why] for one in broken]
        print(f"\nleft out\n{align(rows)}")
    return 0


def install(args: Namespace) -> int:
    """Make a part's environment, the size and the time said first."""
    part = _part(args.part)
    if hindrance := part.hindrance():
        raise StepError(f"{part.title} cannot be used here.", f"{hindrance} Nothing was installed.")
    environment = part.environment()
    if environment is None:
        missing = part.missing()
        print(f"{part.title} needs {' '.join(missing) or 'nothing beyond the program'}.")
        return 1 if missing else 0
    if not environment.made:
        print(
            f"{part.title}: about {environment.megabytes:,.0f} MB in {environment.folder}, "
            f"about {environment.seconds:,.0f} s (an estimate)",
            file=sys.stderr,
        )
    try:
        made = make(environment, _tell)
    except KeyboardInterrupt:
        raise Cancelled("Stopped.", f"Nothing of {part.title} was installed.") from None
    print(f"{part.title} is installed: {made.megabytes:,.0f} MB ({', '.join(made.pins)}).")
    return 0


def uninstall(args: Namespace) -> int:
    """Remove a part's environments and what its engine has compiled."""
    part = _part(args.part)
    freed = remove(part.name) + compiled.forget(part.name)
    print(
        f"{part.title} is removed: {freed:,.0f} MB." if freed else "Nothing was installed for it."
    )
    return 0


def environments() -> list[dict[str, Any]]:
    """What is known of every part that has packages of its own."""
    return [
        {
            "part": part.name,
            "installed": bool(environment.made),
            "megabytes": environment.made.megabytes if environment.made else environment.megabytes,
            "seconds": environment.made.seconds if environment.made else environment.seconds,
            "compiled_mb": compiled.size_mb(part.name),
            "packages": list(environment.pins),
        }
        for known in _kinds().values()
        for part in known.values()
        if (environment := part.environment())
    ]


def environments_told() -> str:
    """The same as a table; empty where no part has any."""
    rows = [
        [
            one["part"],
            "installed" if one["installed"] else f"`optim install {one['part']}`",
            f"{'' if one['installed'] else 'about '}{one['megabytes']:,.0f} MB",
            f"{one['compiled_mb']:,.0f} MB compiled" if one["compiled_mb"] else "",
        ]
        for one in environments()
    ]
    return align(rows) if rows else ""


def _tell(text: str, share: float) -> None:
    """One line on a terminal, written over; nothing elsewhere."""
    if sys.stderr.isatty():
        print(f"\r\033[K{percent(share):>5}  {text}", end="", file=sys.stderr, flush=True)


def _part(name: str) -> type[Part]:
    known = {name: part for kind in _kinds().values() for name, part in kind.items()}
    if name not in known:
        raise InputError(f"There is no part named {name!r}.", f"Known ones: {', '.join(known)}.")
    return known[name]


def _kinds() -> dict[str, dict[str, type[Part]]]:
    return {
        "passes": {**all_passes()},
        "runtimes": {**all_runtimes()},
        "metrics": {**all_metrics()},
    }


def _about(part: type[Part]) -> dict[str, Any]:
    return {
        "title": part.title,
        "summary": part.summary,
        "helps": part.helps,
        "hurts": part.hurts,
        "origin": part.origin,
        "missing": part.missing(),
        "requirements": part.requirements,
        "settings": part.model_json_schema()["properties"],
    }


def _remark(part: type[Part]) -> str:
    """What is not as usual: another package's, or something to install first."""
    remarks = [f"from {part.origin}"] if part.origin != BUILT_IN else []
    if (environment := part.environment()) and (made := environment.made):
        remarks.append(f"installed, {made.megabytes:,.0f} MB")
    return "; ".join([*remarks, *filter(None, [part.install_hint()])])
