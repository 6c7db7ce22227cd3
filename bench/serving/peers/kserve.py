"""KServe's own server, a custom model: https://kserve.github.io/website"""

import sys

REQUIREMENTS = ("kserve==0.21.0", "onnxruntime==1.32.0")
PATH, READY, BODY = "/v2/models/model/infer", "/v2/health/ready", "v2"

if __name__ == "__main__":
    import onnxruntime
    from kserve import InferResponse, Model, ModelServer
    from kserve.utils.utils import get_predict_response

    class Runs(Model):
        def __init__(self, path):
            super().__init__("model")
            self.session = onnxruntime.InferenceSession(path)
            self.ready = True

        def predict(self, payload, headers=None) -> InferResponse:
            (given,) = payload.inputs
            output = self.session.run(None, {given.name: given.as_numpy()})[0]
            return get_predict_response(payload, output, self.name)

    path, port = sys.argv[1:3]
    sys.argv[1:] = []
    ModelServer(http_port=int(port), enable_grpc=False, workers=1).start([Runs(path)])
