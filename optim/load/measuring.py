"""From a bundle and serving settings to a load curve: server, generator, load after load."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from optim.bundles import manifest
from optim.load.curve import Curve, Peak
from optim.load.generating import Generator, Target, generator
from optim.load.loaded import Loaded
from optim.load.percentiles import enough
from optim.load.scenario import Kind, Load
from optim.load.server import Server, served
from optim.machine.environment import affinity
from optim.machine.lock import machine_to_itself
from optim.serving.served import Opened
from optim.serving.settings import Serving

SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1.0)
"""Of what the server does at most: the rates of a curve for which none are given."""
Tell = Callable[[str, float], None]
Hear = Callable[[Loaded], None]
_LEAST_CPUS = 3  # fewer are not split between server and generator
_WARM_S, _FULL_S, _LONGEST_S = 0.5, 1.0, 20.0
_SPARE = 1.3  # times the samples that a p99 takes, since some are alike
_TRIES = 3  # loads at a rate that leave open whether it holds
_CLOSE = 1.1  # rates nearer than this are not told apart


def never() -> bool:
    """Not cancelled."""
    return False


@dataclass
class Bench:
    """A server under load: takes one load after the other."""

    server: Server
    generator: Generator
    target: Target
    apart: bool

    def load(self, load: Load) -> Loaded:
        """Issue it. Raises OptimError, Cancelled."""
        before = self.server.usage()
        requests, said = self.generator.issue(self.target, load)
        after = self.server.usage()
        spent = max(requests.seconds, 1e-3)
        return Loaded(
            load=load,
            requests=requests,
            generator_cpu=said["generator_cpu"],
            server_cpu=(after.cpu_s - before.cpu_s) / spent,
            memory_mb=after.memory_mb,
            apart=self.apart,
            summary=said["summary"],
        )

    def most(self) -> float:
        """Requests a second that it answers where always some wait."""
        return max(self.most_loaded().achieved, 1.0)

    def most_loaded(self) -> Loaded:
        """A second in which always some requests wait (Offline)."""
        serving = self.server.serving
        at_once = min(2 * serving.sessions * serving.most, serving.queue)
        one = self.load(Load(kind="single", rate=100, seconds=_WARM_S))
        guess = max(one.achieved, 1.0) * serving.sessions
        full = Load(kind="offline", rate=guess, seconds=_FULL_S, at_once=at_once)
        return self.load(full)


@contextmanager
def bench(bundle: Path, serving: Serving, cancelled: Callable[[], bool] = never) -> Iterator[Bench]:
    """A warm server of a bundle, and what loads it, with the machine to themselves meanwhile.

    Raises: InputError for what is no bundle or cannot be served so; StepError; Cancelled.
    """
    opened = Opened.of(bundle)
    ours, others = _cpus()
    with (
        machine_to_itself(cancelled),
        generator(ours, cancelled) as issuing,
        served(bundle, serving, others, cancelled) as server,
    ):
        inputs = tuple(spec.name for spec in opened.inputs)
        samples = bundle / manifest.EXAMPLE
        target = Target(serving, server.place, opened.name, inputs, samples)
        found = Bench(server, issuing, target, bool(ours))
        found.load(Load(kind="single", rate=100, seconds=_WARM_S))
        yield found


def curve(
    on: Bench,
    rates: Sequence[float] = (),
    seconds: float = 3.0,
    bursts_of: int = 1,
    tell: Tell = lambda _doing, _share: None,
    hear: Hear = lambda _one: None,
) -> Curve:
    """Loads at these rates, or at some shares of what the server does at most; of single requests
    or of bursts, at random moments.

    Each lasts `seconds`, or longer if that lets a p99 be told within 20 s.
    """
    if not rates:
        tell("finding out what the server does at most", 0.0)
        most = on.most()
        rates = [share * most for share in SHARES]
    lasting = [seconds_for(rate, seconds) for rate in rates]
    found, done = Curve(str(on.server.serving)), 0.0
    kind: Kind = "burst" if bursts_of > 1 else "server"
    for rate, each in zip(rates, lasting, strict=True):
        tell(f"{rate:,.0f} requests a second", done / sum(lasting))
        one = on.load(Load(kind=kind, rate=rate, seconds=each, at_once=bursts_of))
        found, done = found.with_point(one), done + each
        hear(one)
    return found


def find_peak(
    on: Bench,
    limit_ms: float,
    seconds: float = 3.0,
    budget_s: float = 60.0,
    tell: Tell = lambda _doing, _share: None,
    hear: Hear = lambda _one: None,
) -> tuple[Peak, Curve]:
    """The largest rate with p99 within a limit, by halving, and all that was tried for it.

    Every rate is a run of LoadGen's Server scenario of its own, kept raw. LoadGen's own search
    (FindPeakPerformance) is not used: it keeps the last run alone, cannot be stopped, and takes a
    percentile for what it is, whatever its interval.
    """
    began, low = monotonic(), 0.0
    tell("finding out what the server does at most", 0.0)
    high = 2 * on.most()
    rate, found = high / 3, Curve(str(on.server.serving))
    while monotonic() - began < budget_s and high > _CLOSE * max(low, 1.0):
        tell(f"{rate:,.0f} requests a second", min(1.0, (monotonic() - began) / budget_s))
        found, holds = until_sure(on, found, rate, limit_ms, seconds, hear)
        up = holds or holds is None and found.likely(rate, limit_ms)
        low, high = (rate, high) if up else (low, rate)
        rate = (low * high) ** 0.5 if low else high / 3
    return found.peak(limit_ms), found


def until_sure(
    on: Bench, found: Curve, rate: float, limit_ms: float, seconds: float, hear: Hear
) -> tuple[Curve, bool | None]:
    """Load at a rate, a few times if need be: a machine that stood still in one load may leave open
    whether p99 is within the limit, or make it look so that it is not."""
    for _ in range(_TRIES):
        one = on.load(Load(rate=rate, seconds=seconds_for(rate, seconds)))
        found = found.with_point(one)
        hear(one)
        holds = found.within(rate, limit_ms)
        if holds is not None:
            return found, holds
    return found, None


def seconds_for(rate: float, least: float) -> float:
    """How long a p99 takes at this rate; `least` s where that is shorter, or over 20 s."""
    wanted = _SPARE * enough(0.99) / rate
    return max(least, wanted) if wanted <= _LONGEST_S else least


def _cpus() -> tuple[list[int], list[int]]:
    """CPUs of the generator and of the server; none: all, for both."""
    here = affinity()
    if len(here) < _LEAST_CPUS:
        return [], []
    own = max(1, len(here) // 4)
    return here[:own], here[own:]
