"""Mosec, as its documentation serves a model: https://mosecorg.github.io/mosec"""

REQUIREMENTS = ("mosec==0.9.8", "onnxruntime==1.32.0")
PATH, READY, BODY = "/inference", "/metrics", "rows"
COMMAND = ("python", "service.py", "--port", "$PORT", "--timeout", "10000")
_SERVICE = """
import os
import numpy as np
import onnxruntime
from mosec import Server, Worker

class Runs(Worker):
    def __init__(self):
        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(os.environ["MODEL"], options)
        self.name = self.session.get_inputs()[0].name

    def forward(self, data):
        rows = np.array(data["input"], np.float32)
        return {"output": self.session.run(None, {self.name: rows})[0].tolist()}

if __name__ == "__main__":
    server = Server()
    server.append_worker(Runs, num=1)
    server.run()
"""
FILES = {"service.py": _SERVICE}
