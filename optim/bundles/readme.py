"""A bundle's README: what it is, what to run first, what the files are and how it is checked."""

from optim.bundles import manifest
from optim.bundles.report import Findings
from optim.names import legible
from optim.showing.text import spanned, timed, times


def readme(findings: Findings) -> str:
    """Markdown, and good to read as it stands. The same text for the same findings."""
    first = findings.measurement.slices[0]
    files = "\n".join(f"| `{name}` | {what} |" for name, what in manifest.HOLDS.items())
    return f"""# {_code(findings.original.name)}, optimized

Recipe: `{findings.recipe.spelling}`

- {spanned(findings.summary.speedup, times)} as fast as the original, paired, the 95 % interval in
  brackets; {timed(findings.summary)} on {_code(first.environment.get("cpu", "unknown"))}.
- {findings.quality.verdict}

## Run it

```sh
python run.py
```

answers one sample and shows what was expected. Where the engine is missing, first
`pip install -r requirements.txt`. Then

```sh
python run.py --time             # how long one run takes on your machine
python run.py evalset.npz        # the samples that it was judged on
python run.py YOUR_SAMPLES.npz   # one array per input, named after it, first axis = samples
```

In a program of your own, `from run import run` gives the function from inputs to outputs.

## Serve it

```sh
pip install -r requirements-host.txt
python host.py                          # REST on port 8000, gRPC on port 8001
python host.py --most 8 --wait-ms 1     # up to 8 rows run together
```

It speaks the Open Inference Protocol, which clients of KServe and Triton speak: `/v2/health/ready`,
`/v2/models/NAME/infer`, and `/metrics` for Prometheus. `deploy/` has a folder for each place that
was chosen on export; each file begins with the command to use it.

## What it holds

| file | what |
|---|---|
{files}

## Check it

`sha256sum -c MANIFEST` says whether a file was changed. With the program that wrote it,
`python -m optim replay FOLDER` makes the model again from the original, compares it bit for bit,
measures it, judges it and says what holds on your machine.
"""


def _code(text: str) -> str:
    """Text that a stranger chose, such that Markdown takes nothing in it for markup."""
    shown = legible(text).replace("`", "'")
    return f"`{shown}`"
