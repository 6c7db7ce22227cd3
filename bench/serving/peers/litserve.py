"""LitServe, as its documentation serves a model: https://lightning.ai/docs/litserve"""

REQUIREMENTS = ("litserve==0.2.19", "onnxruntime==1.32.0")
PATH, READY, BODY = "/predict", "/health", "rows"
COMMAND = ("python", "service.py")
_SERVICE = """
import os
import litserve
import numpy as np
import onnxruntime

class Api(litserve.LitAPI):
    def setup(self, device):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        self.name = self.session.get_inputs()[0].name

    def decode_request(self, request):
        return np.array(request["input"], np.float32)

    def predict(self, rows):
        return self.session.run(None, {self.name: rows})[0]

    def encode_response(self, output):
        return {"output": output.tolist()}

if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
"""
FILES = {"service.py": _SERVICE}
