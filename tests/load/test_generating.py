"""The generator on a CPU of its own, against a server over the network's protocol (TCP)."""

from pathlib import Path

import numpy as np
import pytest

from bench.serving.hosting import hosted
from optim.bundles import manifest
from optim.load.generating import Target, generator
from optim.load.measuring import never
from optim.load.scenario import Load
from optim.machine.environment import affinity
from optim.serving.served import Opened
from optim.serving.settings import parse_serving

pytestmark = pytest.mark.slow


@pytest.mark.deep
def test_it_keeps_to_its_cpu_and_asks_over_tcp(bundle: Path) -> None:
    opened, own = Opened.of(bundle), affinity()[:1]
    inputs = tuple(spec.name for spec in opened.inputs)
    with hosted(bundle) as ports, generator(own, never) as issuing:
        for serving, port in zip(("rest:encoding=json", "grpc"), ports, strict=True):
            target = Target(
                parse_serving(serving),
                f"localhost:{port}",
                opened.name,
                inputs,
                bundle / manifest.EXAMPLE,
            )
            issuing.issue(target, Load(kind="single", rate=50, seconds=0.2))
            found, said = issuing.issue(target, Load(rate=60, seconds=1.0))
            assert found.count > 20 and found.answered.all()
            assert (found.server_ms > 0).all(), "the server told where its time went"
            assert (found.latency_ms >= found.server_ms).all()
            assert 0 < said["generator_cpu"] < 1.5 and "Server" in said["summary"]
            assert np.all(np.diff(found.due_s) >= 0)
        status = Path(f"/proc/{issuing.process.pid}/status").read_text()
    assert f"Cpus_allowed_list:\t{own[0]}\n" in status
