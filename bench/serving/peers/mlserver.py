"""MLServer, a custom runtime: https://mlserver.readthedocs.io"""

import json
import os
import sys
from pathlib import Path

REQUIREMENTS = ("mlserver==1.7.1", "onnxruntime==1.32.0")
PATH, READY, BODY = "/v2/models/model/infer", "/v2/health/ready", "v2"
_RUNTIME = """
import os
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Runs(MLModel):
    async def load(self):
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"])
        return True

    async def predict(self, payload):
        (given,) = payload.inputs
        output = self.session.run(None, {given.name: NumpyCodec.decode_input(given)})[0]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("output", output)]
        )
"""

if __name__ == "__main__":
    Path("runs.py").write_text(_RUNTIME)
    about = {"name": "model", "implementation": "runs.Runs"}
    Path("model-settings.json").write_text(json.dumps(about))
    port = int(sys.argv[2])
    ports = {"http_port": port, "grpc_port": port + 1000, "metrics_port": port + 2000}
    Path("settings.json").write_text(json.dumps({**ports, "parallel_workers": 0, "debug": False}))
    command = [str(Path(sys.executable).with_name("mlserver")), "start", "."]
    os.execve(command[0], command, os.environ | {"MODEL": sys.argv[1], "PYTHONPATH": "."})
