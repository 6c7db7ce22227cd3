"""A bundle's own server: what it needs, and that it answers where nothing else is installed."""

import json
import shutil
import subprocess
import sys
import urllib.request

import numpy as np
import onnxruntime
import pytest
from support.serving import answers, free_port, serving
from support.study_tools import wait_for

from optim.bundles import server
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

pytestmark = pytest.mark.slow

ALLOWED = ("optim.arrays", "optim.errors", "optim.model.proto", "optim.model.rebinding")


def test_it_takes_little_of_the_program_along():
    needed = server._needed("optim.serving.standalone", set())
    assert {name for name in needed if not name.startswith("optim.serving.")} <= set(ALLOWED)
    assert "optim.serving.rest" in needed and "optim.serving.rpc" in needed


@pytest.mark.parametrize("name", all_runtimes())
def test_every_engine_is_opened_in_a_function(name, findings):
    recipe = Recipe.parse(name)
    script = server._script(recipe, "n'ame", findings.optimized)
    compile(script, "host.py", "exec")
    assert "    def run(feeds):" in script


@pytest.mark.deep
def test_it_answers_where_nothing_but_its_requirements_is(exported, findings, tmp_path):
    """An environment of its own, made as its README says."""
    bundle = shutil.copytree(exported, tmp_path / "elsewhere")
    for extra in ("original", "evidence", "evalset.npz"):
        path = bundle / extra
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    python = environment(tmp_path / "env", bundle / "requirements-host.txt")
    rest, grpc = free_port(), free_port()
    command = [python, "host.py", "--rest", str(rest), "--grpc", str(grpc), "--most", "4"]
    url = f"http://localhost:{rest}/v2"
    before = sorted(bundle.rglob("*"))
    with serving(["sh", "-c", f"cd {bundle} && exec {' '.join(command)}"], f"{url}/health/ready",
                 tmp_path / "log"):  # fmt: skip
        wait_for(lambda: answers(f"{url}/health/ready"))
        (given,) = findings.original.inputs
        rows = np.random.default_rng(0).standard_normal((3, *given.shape[1:])).astype(np.float32)
        model = json.loads(urllib.request.urlopen(f"{url}/models/{quoted(findings)}").read())
        assert model["inputs"][0]["shape"][0] == -1
        answer = infer(f"{url}/models/{quoted(findings)}/infer", given.name, rows)
    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    expected = [session.run(None, {given.name: row[None]})[0] for row in rows]
    np.testing.assert_allclose(answer, np.concatenate(expected), atol=1e-4)
    assert sorted(bundle.rglob("*")) == before, "nothing was added, which a replay would refuse"


def environment(folder, requirements):
    """Of the standard library's venv where uv is not there."""
    uv = shutil.which("uv", path=str(sys.prefix) + "/bin") or shutil.which("uv")
    made = [uv, "venv", "-q", "-p", sys.executable] if uv else [sys.executable, "-m", "venv"]
    subprocess.run([*made, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    pip = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip"]
    install = [] if uv else ["install", "-q"]
    subprocess.run([*pip, *install, "-r", str(requirements)], check=True)
    return python


def quoted(findings):
    return urllib.request.quote(findings.original.name.replace("/", "_"))


def infer(url, name, rows):
    tensor = {
        "name": name, "datatype": "FP32", "shape": list(rows.shape), "data": rows.ravel().tolist()
    }  # fmt: skip
    body = json.dumps({"inputs": [tensor]}).encode()
    answer = json.loads(urllib.request.urlopen(url, data=body).read())
    return np.array(answer["outputs"][0]["data"], np.float32).reshape(answer["outputs"][0]["shape"])
