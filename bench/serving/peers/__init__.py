"""Other servers of the same ONNX file: one script each, run in its own environment.

Each is called with MODEL PORT, and says at its top what it needs, where it answers and how it is
asked: `REQUIREMENTS`, `PATH`, `READY` (a path), `BODY` (`v2`: the Open Inference Protocol's JSON;
`rows`: `{"input": [[...], ...]}`).
"""
