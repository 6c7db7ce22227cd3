"""A container of the bundle's own server: what was measured is what runs.

The Dockerfile's reference: https://docs.docker.com/reference/dockerfile/
"""

from pathlib import Path

from optim.bundles import manifest
from optim.bundles.deployment import Deployed, Deployment, Files
from optim.model.proto import DATA_FILE

_NEEDED = (manifest.HOST, manifest.MODEL, manifest.EXAMPLE)
IMAGE_TAG = "optimized"


def _dockerfile(of: Deployed) -> str:
    weights = f" {DATA_FILE}" if of.path.with_name(DATA_FILE).exists() else ""
    return f"""\
# {of.recipe.spelling}
# {_start(of)}
FROM python:{of.python}-slim
WORKDIR /bundle
COPY {manifest.HOST_REQUIREMENTS} .
RUN pip install --no-cache-dir -r {manifest.HOST_REQUIREMENTS} && useradd --system server
COPY {" ".join(_NEEDED)}{weights} ./
COPY {manifest.SERVER} {manifest.SERVER}
USER server
EXPOSE 8000 8001
HEALTHCHECK CMD ["python", "-c", \
"import urllib.request as r; r.urlopen('http://localhost:8000/v2/health/ready')"]
ENTRYPOINT ["python", "{manifest.HOST}", "--address", "0.0.0.0"]
"""


def _start(of: Deployed) -> str:
    return f"docker build -t {of.slug}:{IMAGE_TAG} -f {manifest.DEPLOY}docker/Dockerfile ."


def _files(of: Deployed, folder: Path) -> Files:
    return {"Dockerfile": _dockerfile(of)}


DEPLOYMENT = Deployment(
    title="Docker",
    about="A Dockerfile for the bundle's own server, over REST and gRPC.",
    start=_start,
    files=_files,
)
