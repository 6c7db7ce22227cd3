"""Print the digest of every pass's result on a few models; run under different hash seeds."""

import hashlib
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from optim.passes.base import all_passes  # noqa: E402
from support import pass_models  # noqa: E402

for name, cls in all_passes().items():
    if cls.missing():
        continue
    digest = hashlib.sha256()
    for model in ("cnn", "lstm", "spam"):
        outcome = cls().run(pass_models.load(model), pass_models.context(model))
        digest.update(outcome.model.SerializeToString(deterministic=True))
    print(name, digest.hexdigest())
