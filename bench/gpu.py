"""Measure the standard networks with torch on an NVIDIA GPU, as evidence for its estimates.

`python -m bench.gpu OUT.json SECONDS`: every network in fp32 (TF32 off) and bf16, as a CUDA graph
of the eager kernels, then as many as fit in the time compiled by Inductor with CUDA graphs.
Copies to and from the device are not timed.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from bench.nets import NETS

_RUNS = 300
_COMPILED = ("resnet50", "vit_b16", "small_cnn", "bert_base", "mobilenet", "mlp", "unet")
Row = dict[str, str | float]


def main(out: str, seconds: str) -> None:
    """Measure until done or out of time; write what there is after each network."""
    deadline = time.monotonic() + float(seconds)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.set_grad_enabled(False)
    about = {"device": torch.cuda.get_device_name(), "torch": torch.__version__}
    rows: list[Row] = []
    for engine, names in (("CUDA graph", tuple(NETS)), ("Inductor", _COMPILED)):
        for name in names:
            for dtype in (torch.float32, torch.bfloat16):
                if time.monotonic() > deadline:
                    return
                row: Row = {"graph": name, "dtype": str(dtype), "engine": engine}
                try:
                    row["p50_ms"] = _measure(name, dtype, engine)
                except Exception as error:  # one network's failure is a row, not the end
                    row["error"] = str(error).splitlines()[0][:200]
                rows.append(row)
                print(row, flush=True)
                Path(out).write_text(json.dumps({"about": about, "rows": rows}))


def _measure(name: str, dtype: torch.dtype, engine: str) -> float:
    make, feed = NETS[name]
    torch.manual_seed(0)
    net, x = make().eval().cuda().to(dtype), feed().cuda()
    x = x.to(dtype) if x.is_floating_point() else x
    if engine == "Inductor":
        compiled = torch.compile(net, mode="reduce-overhead")
        return _p50_ms(lambda: compiled(x))
    return _p50_ms(_captured(lambda: net(x)))


def _captured(run: Callable[[], torch.Tensor]) -> Callable[[], None]:
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    replay: Callable[[], None] = graph.replay
    return replay


def _p50_ms(run: Callable[[], object]) -> float:
    for _ in range(20):
        run()
    torch.cuda.synchronize()
    samples = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        run()
        torch.cuda.synchronize()
        samples.append(time.perf_counter() - start)
    return round(median(samples) * 1e3, 5)


if __name__ == "__main__":
    main(*sys.argv[1:])
