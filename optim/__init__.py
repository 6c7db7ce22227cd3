"""Measure, judge, compare and explain ways to make a trained model fast."""

import os
import sys

__version__ = "0.1.0"

# Nothing phones home. Both engines report their use to their vendors from the moment they are
# imported: ONNX Runtime unless this variable is set, OpenVINO unless its reporter is missing.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
