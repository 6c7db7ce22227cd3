"""A real server of a real bundle under load, over both protocols."""

import json
from pathlib import Path

import numpy as np
import pytest

from optim.cli import main
from optim.errors import Cancelled, InputError
from optim.load.measuring import bench, curve
from optim.load.scenario import Load
from optim.serving.settings import parse_serving

pytestmark = pytest.mark.slow
SETTINGS = [
    "rest",
    "rest:most=4,wait_ms=3.0,encoding=json",
    "grpc:sessions=2,threads=1,pinned=true,most=4,preferred=2,padding=false",
]


@pytest.mark.deep
@pytest.mark.parametrize("spelling", SETTINGS)
def test_every_millisecond_has_its_place(bundle: Path, spelling: str) -> None:
    with bench(bundle, parse_serving(spelling)) as on:
        one = on.load(Load(rate=150, seconds=1))
        burst = on.load(Load(kind="burst", rate=100, at_once=8, seconds=0.5))
        assert on.most() > 0
    assert one.refused == 0 and one.requests.count > 50
    assert sum(one.where.values()) == pytest.approx(one.requests.latency_ms.mean())
    assert all(ms >= -0.01 for ms in one.where.values()), one.where
    assert one.where["run"] > 0 and one.where["decode"] > 0
    assert one.server_cpu > 0 and one.memory_mb > 20
    serving = parse_serving(spelling)
    assert max(burst.batches) <= serving.most
    assert serving.padding or set(burst.batches) <= set(serving.sizes)
    assert not serving.wait_ms or max(burst.batches) > 1, "those of a burst run together"
    assert sum(size * count for size, count in burst.batches.items()) == burst.requests.count
    assert sum(map(len, burst.requests.service_ms().values())) == burst.requests.count


@pytest.mark.deep
def test_what_is_refused_is_said(bundle: Path) -> None:
    # Two sessions, since a quick run is done on the event loop, where nothing waits in a queue.
    with bench(bundle, parse_serving("rest:queue=1,sessions=2")) as on:
        found = curve(on, [40.0], seconds=0.5)
        burst = on.load(Load(kind="burst", rate=400, at_once=50, seconds=0.5))
    assert burst.refused > 0.1 and "refused" in [one.code for one in burst.cautions]
    p50 = found.points[0].latency("p50")
    assert p50 and np.isfinite(p50.value)


def test_it_is_stopped_and_what_cannot_be_served_is_said(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(Cancelled), bench(bundle, parse_serving("rest"), lambda: True):
        pass
    with pytest.raises(InputError, match="bundle"), bench(tmp_path, parse_serving("rest")):
        pass


@pytest.mark.deep
def test_the_command_tells_curves_as_json(bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", str(bundle), "--qps", "50,100", "--seconds", "0.5", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["serving"] == "rest" and [one["rate"] for one in found["loads"]] == [50, 100]
    assert len(found["loads"][0]["raw_ms"]) == found["loads"][0]["requests"]
    assert main(["load", str(bundle), "--serving", "rest:most=0"]) == 2


def test_recorded_arrivals_are_played(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.txt"
    trace.write_text("1700.5\n1700.0\n1700.25\n")
    assert main(["load", str(bundle), "--trace", str(trace), "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)[0]["loads"]
    assert one["requests"] == 3 and one["rate"] == pytest.approx(4)
    trace.write_text("soon\n")
    assert main(["load", str(bundle), "--trace", str(trace)]) == 2
    assert "soon" in capsys.readouterr().err
