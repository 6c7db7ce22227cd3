"""BentoML, as its documentation serves a model: https://docs.bentoml.com"""

import os
import sys
from pathlib import Path

REQUIREMENTS = ("bentoml==1.4.40", "onnxruntime==1.32.0")
PATH, READY, BODY = "/predict", "/readyz", "rows"
_SERVICE = """
import os
import bentoml
import numpy as np
import onnxruntime

@bentoml.service(workers=1)
class Runs:
    def __init__(self):
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"])
        self.name = self.session.get_inputs()[0].name

    @bentoml.api
    def predict(self, input: list) -> dict:
        rows = np.array(input, np.float32)
        return {"output": self.session.run(None, {self.name: rows})[0].tolist()}
"""

if __name__ == "__main__":
    Path("service.py").write_text(_SERVICE)
    command = [sys.executable, "-m", "bentoml", "serve", "service:Runs", "--port", sys.argv[2]]
    quiet = {"MODEL": sys.argv[1], "BENTOML_DO_NOT_TRACK": "True"}
    os.execve(sys.executable, command, os.environ | quiet)
