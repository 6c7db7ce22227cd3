"""KServe's own server, a custom model: https://kserve.github.io/website"""

REQUIREMENTS = ("kserve==0.21.0", "onnxruntime==1.32.0")
PATH, READY, BODY = "/v2/models/model/infer", "/v2/health/ready", "v2"
COMMAND = ("python", "service.py")
_SERVICE = """
import os
import onnxruntime
from kserve import InferResponse, Model, ModelServer
from kserve.utils.utils import get_predict_response

class Runs(Model):
    def __init__(self, path):
        super().__init__("model")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)
        self.ready = True

    def predict(self, payload, headers=None) -> InferResponse:
        (given,) = payload.inputs
        output = self.session.run(None, {given.name: given.as_numpy()})[0]
        return get_predict_response(payload, output, self.name)

server = ModelServer(http_port=int(os.environ["PORT"]), enable_grpc=False, workers=1)
server.start([Runs(os.environ["MODEL"])])
"""
FILES = {"service.py": _SERVICE}
