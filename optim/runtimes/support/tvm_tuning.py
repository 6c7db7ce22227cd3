"""Schedules of the heaviest operators, found by trying TVM's tilings on this machine.

TVM's own tuner (`tune_relax`) ends in a segmentation fault: its standard rules for LLVM do, and so
does its search. What is used of it are the rules that hold, given one by one. Each seed is a sample
of tilings, compiled and timed here.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

_INTRINSICS = "tvm.s_tir.tensor_intrin"
_RUNS = 5


@dataclass
class Tuned:
    """One operator: how it runs, and how it did, in seconds for each of its calls."""

    name: str
    function: Any
    calls: int
    before: float
    now: float
    tried: int = 0

    @property
    def promise(self) -> float:
        """Its share of a run, less for each try: what takes long is tried most."""
        return self.now * self.calls / (1 + self.tried)


def tuned(tvm: Any, module: Any, target: Any, seconds: float) -> tuple[Any, list[Tuned]]:
    """The module with the fastest schedules found within the seconds, the heaviest first."""
    with _without_intrinsics():
        from tvm.s_tir import meta_schedule

        module = tvm.relax.get_pipeline("zero")(module)
        parts = [one for one in _parts(tvm, module, target) if one.before]
        began = time.monotonic()
        while parts and time.monotonic() - began < seconds:
            part = max(parts, key=lambda one: one.promise)
            part.tried += 1
            for found in _schedules(meta_schedule, part, target):
                _try(tvm, part, found, target)
    for part in parts:
        place = module.get_global_var(part.name)
        module.update_func(place, part.function.without_attr("global_symbol"))
    return module, sorted(parts, key=lambda one: -one.before * one.calls)


@contextmanager
def _without_intrinsics() -> Iterator[None]:
    """TVM's own matrix instructions, left out: reading them in takes half a minute, and longer the
    more modules are loaded."""
    there = sys.modules.setdefault(_INTRINSICS, ModuleType(_INTRINSICS))
    try:
        yield
    finally:
        if not there.__spec__:
            del sys.modules[_INTRINSICS]


def _parts(tvm: Any, module: Any, target: Any) -> Iterator[Tuned]:
    calls: dict[str, int] = {}

    def count(node: Any) -> None:
        if isinstance(node, tvm.relax.Call) and node.args:
            name = getattr(node.args[0], "name_hint", "")
            calls[name] = calls.get(name, 0) + 1

    tvm.relax.analysis.post_order_visit(module["main"], count)
    for place, function in module.functions.items():
        if isinstance(function, tvm.tirx.PrimFunc) and place.name_hint in calls:
            whole = function.with_attr("global_symbol", "main")
            seconds = _seconds(tvm, tvm.IRModule({"main": whole}), target)
            yield Tuned(place.name_hint, whole, calls[place.name_hint], seconds, seconds)


def _schedules(meta_schedule: Any, part: Tuned, target: Any) -> Iterator[Any]:
    rule, post = meta_schedule.schedule_rule, meta_schedule.postproc
    space = meta_schedule.space_generator.PostOrderApply(
        sch_rules=[
            rule.AutoInline(
                into_producer=False,
                into_consumer=True,
                inline_const_tensor=True,
                disallow_if_then_else=True,
                require_injective=True,
                require_ordered=True,
                disallow_op=["tirx.exp"],
            ),
            rule.MultiLevelTiling(
                structure="SSRSRS",
                max_innermost_factor=64,
                reuse_write=rule.ReuseType(req="may", levels=[1, 2], scope="global"),
            ),
            rule.ParallelizeVectorizeUnroll(
                max_jobs_per_core=-1,  # else on all cores, whatever the recipe says
                max_vectorize_extent=64,
                unroll_max_steps=[0, 16, 64, 512],
                unroll_explicit=True,
            ),
        ],
        postprocs=[
            post.DisallowDynamicLoop(),
            post.RewriteParallelVectorizeUnroll(),
            post.RewriteReductionBlock(),
        ],
        mutator_probs={},
    )
    context = meta_schedule.TuneContext(
        mod=part.function,
        target=target,
        space_generator=space,
        num_threads=1,
        rand_state=part.tried,
    )
    for schedule in context.generate_design_space():
        if all(one.apply(schedule) for one in context.space_generator.postprocs):
            yield schedule.mod


def _try(tvm: Any, part: Tuned, found: Any, target: Any) -> None:
    seconds = _seconds(tvm, found, target)
    if 0 < seconds < part.now:
        part.now, part.function = seconds, found["main"]


def _seconds(tvm: Any, module: Any, target: Any) -> float:
    """The smallest time of a few runs; 0 where it cannot be run by itself."""
    from tvm.s_tir.meta_schedule.arg_info import ArgInfo

    try:
        kinds = [one.as_json() for one in ArgInfo.from_prim_func(module["main"])]
        arrays = [np.ones(list(map(int, shape)), str(dtype)) for _, dtype, shape in kinds]
        given = list(map(tvm.runtime.tensor, arrays))
        entry = tvm.compile(module, target=target)["main"]
        times = []
        for _ in range(_RUNS):
            began = time.perf_counter()
            entry(*given)
            times.append(time.perf_counter() - began)
    except (tvm.error.InternalError, RuntimeError, ValueError, TypeError):
        return 0.0
    return min(times)
