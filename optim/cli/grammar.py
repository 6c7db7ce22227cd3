"""The grammar of the command line: commands, their options, and what each is for."""

import argparse
from pathlib import Path
from typing import get_args

from optim import __version__, cli
from optim.bundles.deployments import deployment_names
from optim.cli.values import (
    above_zero,
    amount,
    count,
    dimension,
    megabytes,
    milliseconds,
    names,
    rates,
    score,
    seconds,
    share,
)
from optim.studies.goal import Objective


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(prog="optim", description=cli.__doc__)
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(dest="command", required=True)

    parts = commands.add_parser("parts", help="list passes, runtimes and targets")
    inspect = commands.add_parser("inspect", help="a model's totals and its heaviest nodes")
    measure = commands.add_parser("measure", help="measure and judge recipes on a model")
    explore = commands.add_parser("explore", help="find the best recipe within limits and a budget")
    why = commands.add_parser("why", help="why a recipe is fast or slow, and what would mend it")
    replay = commands.add_parser("replay", help="check a bundle: rebuild, measure and judge again")
    report = commands.add_parser("report", help="a study's report, or a slide of its chart")
    study = commands.add_parser("study", help="list studies, export one to a file, import one")
    serve = commands.add_parser("serve", help="serve the web application")
    export = commands.add_parser("export", help="write the bundle of a trial, and how to deploy it")
    host = commands.add_parser("host", help="serve exported bundles over REST and gRPC")
    load = commands.add_parser("load", help="serve a bundle under rising load: its latency curve")
    twin = commands.add_parser("twin", help="replicas, price and energy for a rate, simulated")
    decide = commands.add_parser("decide", help="what each setting earns, in money, by its costs")
    probe = commands.add_parser("probe", help="what this machine's engines reach, in about 15 s")
    learn = commands.add_parser("learn", help="lessons: predict first, then measure here")
    install = commands.add_parser("install", help="install what a part needs, in a folder apart")
    uninstall = commands.add_parser("uninstall", help="remove what was installed for a part")
    doctor = commands.add_parser("doctor", help="what this installation is, and what protects it")
    docs = commands.add_parser("docs", help="write the generated documents")

    for command in (inspect, measure, explore, why, twin):
        _add_model_options(command)
    for command in (
        parts,
        inspect,
        measure,
        explore,
        why,
        replay,
        probe,
        learn,
        doctor,
        load,
        twin,
        decide,
    ):
        command.add_argument("--json", action="store_true", help="print JSON and nothing else")
    for command in (measure, explore, why, twin):
        command.add_argument(
            "--labels",
            default="",
            metavar="CHANGE",
            help="change of the labels: shift=-1, order=2|0|1 for the model's class of each, or "
            "boxes=cxcywh*640x480 (form, and what it is scaled by)",
        )
        command.add_argument(
            "--label-column",
            default="",
            metavar="NAME",
            help="column of labels of an EvalSet that is a table; default: found by name or place",
        )
        command.add_argument(
            "--metric",
            default="",
            metavar="NAME",
            help="what quality is judged by, such as top5 (`python -m optim parts` lists all); "
            "default: what the EvalSet says, or suits its labels",
        )
    for command in (measure, explore):
        command.add_argument("--verbose", action="store_true", help="every remark, not three lines")
    measure.add_argument(
        "--recipe",
        action="append",
        default=[],
        metavar="R",
        type=str,
        help='such as "static_int8 + openvino:threads=2"; default: the baseline',
    )
    measure.add_argument(
        "--target", default="local", help="local, cuda (its GPU), or a modelled one"
    )
    measure.add_argument("--out", type=Path, help="write the (one) recipe's bundle to this folder")
    explore.add_argument("--budget", type=seconds, default=60.0, help="such as 60s or 5m")
    _add_goal_options(explore)
    _add_goal_options(report)
    explore.add_argument(
        "--full", action="store_true", help="measure the chosen recipe to the end, budget or not"
    )
    explore.add_argument("--out", type=Path, help="write the bundle of the chosen recipe")
    _add_sharing_options(report, study)
    why.add_argument(
        "--shares",
        action="store_true",
        help="whose gain it is: each toggle's share (Shapley); measures the sub-recipes for it",
    )
    why.add_argument(
        "--against",
        metavar="R",
        help="each node before and after, against this recipe, which is measured too",
    )
    why.add_argument("--recipe", default="onnxruntime", metavar="R", help="default: the baseline")
    replay.add_argument("bundle", type=Path)
    probe.add_argument("--again", action="store_true", help="probe even if it was done before")
    learn.add_argument("lesson", nargs="?", default="", help="which one; without: all are listed")
    learn.add_argument("--guess", type=float, help="your answer: its number, or a value")
    learn.add_argument("--longer", action="store_true", help="time more processes")
    learn.add_argument("--notebook", type=Path, help="write the lesson as a notebook to this file")
    for command in (install, uninstall):
        command.add_argument("part", help="its name, as `optim parts` lists it")
    serve.add_argument("--port", type=int, default=8501)
    serve.add_argument("--address", default="localhost", help="interface to listen on")
    _add_host_options(host)
    _add_twin_options(twin)
    decide.add_argument("study", help="its name, its title, or how its name begins")
    decide.add_argument("--costs", type=Path, help="YAML: miss, false_alarm, value, late ...")
    decide.add_argument("--deadline", type=milliseconds, help="in place of the costs', as 5ms")
    decide.add_argument("--rate", type=amount, help="requests a second that wait for each other")
    decide.add_argument("--front", type=milliseconds, default=0.0, help="server's work on one; 0")
    export.add_argument("study", help="its name, its title, or how its name begins")
    export.add_argument("--trial", type=int, metavar="N", help="its number; default: the best")
    export.add_argument("--out", type=Path, required=True, help="a new folder")
    for command in (measure, explore, export):
        command.add_argument(
            "--deploy",
            type=names,
            default=(),
            metavar="WHERE",
            help=f"into the bundle, too: {','.join(deployment_names())}",
        )
    _add_load_options(load)
    docs.add_argument("--check", action="store_true", help="only fail when they are out of date")
    return top


def _add_goal_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--objective",
        choices=get_args(Objective),
        default="latency",
        help="what to make best; throughput: of one session for each core",
    )
    command.add_argument(
        "--max-loss",
        type=share,
        default=0.01,
        help="quality loss allowed: points of a share, or a share of an error; 1%% unless said",
    )
    command.add_argument("--min-quality", type=score, help="value of the metric at least: 90%%")
    for name, field, read, such_as in (
        ("--max-latency", "max_latency_ms", milliseconds, "5ms"),
        ("--max-memory", "max_memory_mb", megabytes, "200MB"),
        ("--max-size", "max_size_mb", megabytes, "20MB"),
    ):
        command.add_argument(
            name, dest=field, type=above_zero(read), metavar=such_as, help=f"such as {such_as}"
        )
    command.add_argument("--cores", type=count, help="how many one run may use; all unless said")


def _add_host_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("bundle", type=Path, nargs="+", help="folders that were exported")
    command.add_argument("--rest", type=int, metavar="PORT", help="8000 where no port is given")
    command.add_argument("--grpc", type=int, metavar="PORT", help="8001 where no port is given")
    command.add_argument("--address", default="localhost", help="interface to listen on")
    command.add_argument(
        "--serving",
        metavar="S",
        help='all settings in one, such as "grpc:sessions=2,most=8", in place of those below',
    )
    command.add_argument("--sessions", type=count, help="run side by side, of each model; 1")
    command.add_argument("--batch", type=count, help="most rows that run together; 1: no batches")
    command.add_argument("--wait", type=milliseconds, help="for a batch to fill, such as 2ms; 0")
    command.add_argument("--queue", type=count, help="rows that may wait; more are refused; 256")
    command.add_argument("--timeout", type=milliseconds, help="longest wait of one; 10s")


def _add_load_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("bundle", type=Path, help="a folder that was exported")
    command.add_argument(
        "--serving",
        action="append",
        default=[],
        metavar="S",
        help='serving settings, such as "grpc:sessions=2,most=8,wait_ms=2"; several are compared',
    )
    command.add_argument("--rest", action="store_true", help="the same as --serving rest")
    command.add_argument("--grpc", action="store_true", help="the same as --serving grpc")
    command.add_argument(
        "--qps", type=rates, default=[], metavar="R,R", help="requests a second, such as 50,100,200"
    )
    command.add_argument("--burst", type=count, default=1, help="requests come so many at once")
    command.add_argument("--trace", type=Path, help="arrivals, one a line in s, in place of rates")
    command.add_argument("--find-peak", action="store_true", help="the largest rate within --p99")
    command.add_argument("--search", action="store_true", help="settings that take most in --p99")
    command.add_argument("--rate", type=amount, help="with --search: the cheapest ones for this")
    command.add_argument("--p99", type=milliseconds, default=10.0, help="limit, such as 10ms")
    command.add_argument("--seconds", type=amount, default=3.0, help="of each rate at least; 3")
    command.add_argument("--budget", type=seconds, default=60.0, help="of --find-peak; 60s")


def _add_twin_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--recipe", default="onnxruntime", metavar="R", help="default: baseline")
    command.add_argument("--rate", type=amount, required=True, help="requests a second")
    command.add_argument("--p99", type=milliseconds, required=True, help="limit, such as 10ms")
    command.add_argument("--pattern", choices=("poisson", "bursty"), default="poisson")
    command.add_argument("--trace", type=Path, help="recorded arrivals: a number of seconds a line")
    command.add_argument("--sessions", type=count, default=1, help="side by side in a replica; 1")
    command.add_argument("--batch", type=count, default=1, help="most rows that run together; 1")
    command.add_argument("--wait", type=milliseconds, default=0.0, help="for a batch to fill; 0")
    command.add_argument("--queue", type=count, default=256, help="rows that may wait; 256")
    command.add_argument("--prices", type=Path, help="a file of your own, as prices.yaml")


def _add_sharing_options(report: argparse.ArgumentParser, study: argparse.ArgumentParser) -> None:
    doing = study.add_subparsers(dest="doing", required=True)
    listing = doing.add_parser("list", help="all studies")
    export = doing.add_parser("export", help="write a study to one file")
    take = doing.add_parser("import", help="take in a study that was exported, here or elsewhere")
    for command in (report, export):
        command.add_argument("study", help="its name, its title, or how its name begins")
    report.add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        help="report.html, report.pdf or slide.png; the last two need Chrome or Chromium",
    )
    for command in (export, take):
        command.add_argument("file", type=Path, help="such as study.zip")
    take.add_argument(
        "--measure", action="store_true", help="measure the original and its front here too"
    )
    for command in (listing, take):
        command.add_argument("--json", action="store_true", help="print JSON and nothing else")


def _add_model_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("model", help="a file (.onnx, .zip, .pt, .pt2) or sample:NAME")
    command.add_argument("--evalset", type=Path, help=".npz of inputs, labels and metric; or .csv")
    command.add_argument(
        "--dim",
        action="append",
        default=[],
        type=dimension,
        metavar="NAME=N",
        help="value of a symbolic dimension; batch is 1 unless said",
    )
    command.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SPEC",
        help='for PyTorch files without an EvalSet: "x:float32[1,3,224,224]"',
    )
