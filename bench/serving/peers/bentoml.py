"""BentoML, as its documentation serves a model: https://docs.bentoml.com"""

REQUIREMENTS = ("bentoml==1.4.40", "onnxruntime==1.32.0")
PATH, READY, BODY = "/predict", "/readyz", "rows"
COMMAND = ("python", "-m", "bentoml", "serve", "service:Runs", "--port", "$PORT")
_SERVICE = """
import os
import bentoml
import numpy as np
import onnxruntime

@bentoml.service(workers=1)
class Runs:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        self.name = self.session.get_inputs()[0].name

    @bentoml.api
    def predict(self, input: list) -> dict:
        rows = np.array(input, np.float32)
        return {"output": self.session.run(None, {self.name: rows})[0].tolist()}
"""
FILES = {"service.py": _SERVICE}
