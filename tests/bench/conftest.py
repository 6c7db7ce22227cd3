"""A small classifier, brought as benches bring their subjects."""

import pytest
from support.study_tools import write_classifier

from bench.procedure import Subject
from optim.evalset import load_evalset
from optim.ingest import ingest


@pytest.fixture
def classifier(home, tmp_path) -> Subject:
    """Two layers, labelled inputs, a home folder of its own."""
    path, evalset = write_classifier(tmp_path)
    model = ingest(path, evalset=evalset)
    return Subject("classifier", model, load_evalset(evalset, model))
