"""Sections of docs/benchmarks.md that commands write: figures with the machine they come from."""

import re
from datetime import UTC, datetime
from pathlib import Path

from optim.machine.environment import environment

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def written_into(section: str, text: str, document: Path = DOCUMENT, about: str = "") -> None:
    """Put `text` between the section's marks, which are made at the end where there are none.

    Args:
        about: where and with what it was measured; here and now, if that is not said.
    """
    here = environment()
    about = about or (
        f"Measured {datetime.now(UTC).date().isoformat()} on {here['cpu']} ({here['cores']} cores, "
        f"{here['flags']}), ONNX Runtime {here['onnxruntime']}, OpenVINO {here['openvino']}."
    )
    begin, end = f"<!-- {section}: generated -->", f"<!-- /{section} -->"
    whole = document.read_text() if document.exists() else "# Benchmarks\n"
    if begin not in whole:
        whole = f"{whole.rstrip()}\n\n{begin}\n{end}\n"
    title, _, rest = text.partition("\n\n")
    part = f"{begin}\n{title}\n\n{about}\n\n{rest}\n{end}"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    document.write_text(found.sub(lambda _: part, whole))
