"""MLServer, a custom runtime: https://mlserver.readthedocs.io"""

REQUIREMENTS = ("mlserver==1.7.1", "onnxruntime==1.32.0")
PATH, READY, BODY = "/v2/models/model/infer", "/v2/health/ready", "v2"
COMMAND = ("mlserver", "start", ".")
_SETTINGS = """{
    "http_port": $PORT, "grpc_port": $GRPC, "metrics_port": $METRICS, "parallel_workers": 0,
    "debug": false
}"""
_SERVICE = """
import os
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Runs(MLModel):
    async def load(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        return True

    async def predict(self, payload):
        (given,) = payload.inputs
        output = self.session.run(None, {given.name: NumpyCodec.decode_input(given)})[0]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("output", output)]
        )
"""
FILES = {
    "runs.py": _SERVICE,
    "settings.json": _SETTINGS,
    "model-settings.json": '{"name": "model", "implementation": "runs.Runs"}',
}
