"""An InferenceService of KServe: the container of the bundle's own server on Kubernetes.

KServe's custom predictors: https://kserve.github.io/website/docs/model-serving/predictive-inference/
frameworks/custom-predictor/custom-predictor
"""

from pathlib import Path

import yaml

from optim.bundles import manifest
from optim.bundles.deployment import Deployed, Deployment, Files
from optim.bundles.deployments.docker import IMAGE_TAG

_NOTE = """\
# {recipe}
# Build the image with deploy/docker/Dockerfile, push it to a registry that the cluster reads, and
# name it below. The container asks for as many cores as one run was measured with.
"""


def _service(of: Deployed) -> dict[str, object]:
    ready = {"httpGet": {"path": "/v2/health/ready", "port": 8000}}
    container = {
        "name": "kserve-container",
        "image": f"{of.slug}:{IMAGE_TAG}",
        "ports": [{"containerPort": 8000, "protocol": "TCP"}],
        "readinessProbe": ready,
        "resources": {"requests": {"cpu": str(of.recipe.runtime.threads)}},
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": of.slug},
        "spec": {"predictor": {"minReplicas": 1, "containers": [container]}},
    }


def _files(of: Deployed, folder: Path) -> Files:
    text = yaml.safe_dump(_service(of), sort_keys=False)
    return {"inference_service.yaml": _NOTE.format(recipe=of.recipe.spelling) + text}


DEPLOYMENT = Deployment(
    title="KServe",
    about="An InferenceService for Kubernetes, of the container that Docker builds.",
    start=lambda of: f"kubectl apply -f {manifest.DEPLOY}kserve/inference_service.yaml",
    files=_files,
    needs=("docker",),
)
