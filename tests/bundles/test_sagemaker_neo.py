"""Requests to SageMaker Neo hold by the service's own model, as far as it is written down here."""

import json

import jsonschema
import onnxruntime
import pytest

from optim.arrays import TensorSpec
from optim.bundles.deployment import Deployed, all_deployments, write_deployments
from optim.recipe import Recipe

pytestmark = pytest.mark.deep
NEO = "sagemaker_neo"


def _s3(pattern=r"^(https|s3)://([^/]+)/?(.*)$"):
    return {"type": "string", "maxLength": 1024, "pattern": pattern}


COMPILATION_JOB = {
    "type": "object",
    "required": ["CompilationJobName", "RoleArn", "OutputConfig", "StoppingCondition"],
    "additionalProperties": False,
    "properties": {
        "CompilationJobName": {"maxLength": 63, "pattern": "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$"},
        "RoleArn": {"pattern": r"^arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+$"},
        "InputConfig": {
            "type": "object",
            "required": ["S3Uri", "Framework"],
            "additionalProperties": False,
            "properties": {
                "S3Uri": _s3(),
                "DataInputConfig": {"type": "string", "minLength": 1, "maxLength": 16384},
                "Framework": {"enum": ["TENSORFLOW", "MXNET", "ONNX", "PYTORCH", "XGBOOST"]},
            },
        },
        "OutputConfig": {
            "type": "object",
            "required": ["S3OutputLocation"],
            "additionalProperties": False,
            "properties": {
                "S3OutputLocation": _s3(),
                "TargetDevice": {"enum": ["ml_m5", "ml_m6g", "ml_c5", "ml_c6g", "rasp4b"]},
                "TargetPlatform": {
                    "type": "object",
                    "required": ["Os", "Arch"],
                    "additionalProperties": False,
                    "properties": {
                        "Os": {"enum": ["ANDROID", "LINUX"]},
                        "Arch": {"enum": ["X86_64", "X86", "ARM64", "ARM_EABI", "ARM_EABIHF"]},
                    },
                },
            },
            "oneOf": [{"required": ["TargetDevice"]}, {"required": ["TargetPlatform"]}],
        },
        "StoppingCondition": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"MaxRuntimeInSeconds": {"type": "integer", "minimum": 1}},
        },
    },
}
"""CreateCompilationJobRequest of sagemaker's service-2.json in botocore 1.44.8, as far as it is
used, enumerations shortened. botocore itself wants an older python-dateutil than pandas brings."""


@pytest.mark.parametrize("target", ["instance", "device"])
def test_neo_takes_the_request_once_its_blanks_are_filled(exported, findings, tmp_path, target):
    write_deployments([NEO], Deployed.of(findings, exported), tmp_path)
    text = (tmp_path / NEO / f"{target}.json").read_text()
    with pytest.raises(jsonschema.ValidationError, match="YOUR_ACCOUNT_ID"):
        jsonschema.validate(json.loads(text), COMPILATION_JOB)
    for blank, own in (("YOUR_ACCOUNT_ID", "123456789012"), ("YOUR_ROLE", "r"), ("YOUR_", "b")):
        assert blank in text
        text = text.replace(blank, own)
    job = json.loads(text)
    jsonschema.validate(job, COMPILATION_JOB)
    asked = json.loads(job["InputConfig"]["DataInputConfig"])
    (given,) = onnxruntime.InferenceSession(exported / "model.onnx").get_inputs()
    assert asked == {given.name: given.shape}
    assert findings.recipe.digest[:8] in job["CompilationJobName"]


@pytest.mark.parametrize(("opset", "warned"), [(12, False), (17, True)])
def test_neo_is_said_to_be_older_than_the_model(findings, tmp_path, opset, warned):
    inputs = (
        TensorSpec(name="b", dtype="float32", shape=(1, 2)),
        TensorSpec(name='a"', dtype="int64", shape=(1,)),
    )
    of = Deployed(
        "n", Recipe.baseline(), inputs, inputs, tmp_path / "model.onnx",
        tmp_path / "example.npz", "3.11", opset,
    )  # fmt: skip
    write_deployments([NEO], of, tmp_path)
    folder = tmp_path / NEO
    job = json.loads((folder / "instance.json").read_text())
    asked = json.loads(job["InputConfig"]["DataInputConfig"])
    assert list(asked.items()) == [("b", [1, 2]), ('a"', [1])], "in the model's order"
    start = all_deployments()[NEO].start(of)
    for text in ((folder / "README.md").read_text(), start):
        assert (f"opset {opset}, newer than the 12" in text) is warned
