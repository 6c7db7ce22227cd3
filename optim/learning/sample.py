"""The samples that lessons are taught on, opened."""

from dataclasses import dataclass

from optim.evalset import EvalSet, load_evalset
from optim.ingest import ingest
from optim.ingest.samples import SAMPLE_PREFIX, find_sample
from optim.model import Model
from optim.sandbox import Files


@dataclass(frozen=True)
class Opened:
    """A sample's model and EvalSet, in the home folder."""

    model: Model
    evalset: EvalSet

    @property
    def files(self) -> Files:
        """What a child that looks into it may read."""
        return Files(readable=(self.model.folder, self.evalset.path))


def opened(name: str, batch: int = 1) -> Opened:
    """A sample by name. Raises InputError for an unknown one.

    Args:
        batch: samples of one run of the model; the EvalSet stays that of single samples.
    """
    sample = find_sample(name)
    single = ingest(f"{SAMPLE_PREFIX}{name}", evalset=sample.evalset_path)
    evalset = load_evalset(sample.evalset_path, single)
    if batch == 1:
        return Opened(single, evalset)
    return Opened(ingest(f"{SAMPLE_PREFIX}{name}", dims={"batch": batch}), evalset)
