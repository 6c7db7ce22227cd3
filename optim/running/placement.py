"""Placement by Dask distributed: where steps run, and what runs there.

A worker announces one `machine` resource. The embedded one is a thread of this process: it only
waits for child processes, and dies with this process. Workers elsewhere share the home folder.
"""

import logging
import time
from concurrent.futures import CancelledError
from typing import Any

from distributed import Client, Future, LocalCluster, Worker, get_worker
from distributed.comm import get_address_host
from distributed.scheduler import KilledWorker

from optim.errors import InputError, OptimError, first_line, of_the_disk
from optim.running.steps import Done, Job, run_step
from optim.running.warming import warm
from optim.studies.trial import Progress

_CONNECT_SECONDS = 10
_POLL_SECONDS = 0.1
_NOT_EXPOSED = "127.0.0.1:0"  # Dask serves its health page somewhere; unasked, on every interface


def connect(scheduler: str) -> tuple[LocalCluster | None, Client]:
    """A client of the scheduler at this address, or of an embedded one, which is returned too.

    Raises InputError if it cannot be reached.
    """
    logging.getLogger("distributed").setLevel(logging.ERROR)  # it warns of every cancelled task
    if scheduler:
        try:
            return None, Client(scheduler, timeout=_CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(
                f"The Dask scheduler at {scheduler} cannot be reached ({error}).",
                "Start it, or unset OPTIM_SCHEDULER to measure on this machine.",
                "queue",
            ) from None
    cluster = LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        resources={"machine": 1},
        dashboard_address=_NOT_EXPOSED,
        worker_dashboard_address=_NOT_EXPOSED,
        memory_limit=0,
    )
    return cluster, Client(cluster, set_as_default=False)


def work(job: dict[str, Any], topic: str, key: tuple[str, int, int]) -> dict[str, Any]:
    """The Dask task: one step, in the worker."""
    warm()
    worker = get_worker()
    task, machine = worker.get_current_task(), get_address_host(worker.address)

    def on_phase(phase: str) -> None:
        study, number, tries = key
        news = {"study": study, "number": number, "tries": tries}
        worker.log_event(topic, news | {"phase": phase, "machine": machine})

    def cancelled() -> bool:
        return _dropped(worker, task)

    return run_step(Job.model_validate(job), on_phase, cancelled).model_dump(mode="json")


def keep(topic: str, hold: str) -> None:
    """The Dask task that keeps its machine until it is dropped, and tells that it has it."""
    worker = get_worker()
    task = worker.get_current_task()
    worker.log_event(topic, {"hold": hold})
    while not _dropped(worker, task):
        time.sleep(_POLL_SECONDS)


def _dropped(worker: Worker, task: str) -> bool:
    """Whether nobody waits for a task any more, also since the process that sent it is gone."""
    state = worker.state.tasks.get(task)
    return state is None or state.state == "cancelled"


def outcome(future: Future, before: Progress) -> Done:
    """What a step's task brought; with an error, and what was known before, if nothing."""
    try:
        return Done.model_validate(future.result())
    except (Exception, CancelledError) as error:
        return Done(progress=before, error=sentence(error))


def sentence(error: BaseException) -> str:
    """An error as a sentence for people."""
    match error:
        case OptimError():
            return str(error)
        case KilledWorker():
            return "The worker that ran this step was killed. Retry it when the worker is back."
        case CancelledError():
            return "The scheduler dropped this step. Retry it when the scheduler is back."
        case _ if told := of_the_disk(error):
            return f"{told} Then retry it."
        case _:
            kind = type(error).__name__
            return f"An unexpected error ({kind}: {first_line(error)}). Retry it."
