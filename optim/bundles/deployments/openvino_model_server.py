"""OpenVINO Model Server: its configuration, and a container of it with the model.

Parameters: https://docs.openvino.ai/2026/model-server/ovms_docs_parameters.html; the schema of
config.json: src/schema.cpp of openvinotoolkit/model_server.
"""

import json
from pathlib import Path

from optim.bundles import manifest
from optim.bundles.deployment import Deployed, Deployment, Files
from optim.model.proto import DATA_FILE

_NAME = "openvino_model_server"


def _config(of: Deployed) -> dict[str, object]:
    options = of.recipe.runtime.model_dump(mode="json")
    model = {
        "name": of.slug,
        "base_path": f"/models/{of.slug}",
        "target_device": "CPU",
        "nireq": options["streams"],
        "plugin_config": {
            "INFERENCE_NUM_THREADS": str(options["threads"]),
            "NUM_STREAMS": str(options["streams"]),
            "INFERENCE_PRECISION_HINT": options["precision"],
        },
    }
    return {"model_config_list": [{"config": model}]}


def _dockerfile(of: Deployed) -> str:
    weights = f" {DATA_FILE}" if of.path.with_name(DATA_FILE).exists() else ""
    return f"""\
# {of.recipe.spelling}
# {_start(of)}
FROM openvino/model_server:latest
COPY {manifest.MODEL}{weights} /models/{of.slug}/1/
COPY {manifest.DEPLOY}{_NAME}/config.json /models/config.json
EXPOSE 8000 8001
CMD ["--config_path", "/models/config.json", "--rest_port", "8000", "--port", "8001"]
"""


def _start(of: Deployed) -> str:
    return f"docker build -t {of.slug}:ovms -f {manifest.DEPLOY}{_NAME}/Dockerfile ."


def _files(of: Deployed, folder: Path) -> Files:
    return {"config.json": json.dumps(_config(of), indent=2), "Dockerfile": _dockerfile(of)}


DEPLOYMENT = Deployment(
    title="OpenVINO Model Server",
    about="Its configuration, and a Dockerfile of it with the model.",
    start=_start,
    files=_files,
    engines=("openvino",),
)
