"""A browser on the server, if it has one, that turns pages of ours into PDF and pictures.

It sees nothing but a file: it runs in a home folder and, where the system allows it, in a network
of its own with nobody in it; its pages run no script but ours and load nothing (`bundles.html`).
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from optim.errors import InputError, StepError
from optim.home.scratch import scratch
from optim.settings import settings

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--disable-quic", "--proxy-server=127.0.0.1:9", "--hide-scrollbars"),
    *("--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000"),
)
_ALONE = ("unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child")
_SECONDS = 90
NO_BROWSER = (
    "No Chrome or Chromium is on the server. Open the HTML report in a browser and print it to a "
    "PDF (Ctrl+P); it is made for that."
)


def browser() -> str | None:
    """The program of the settings, or the first that is found; None where there is none."""
    wanted = settings().browser
    return shutil.which(wanted) if wanted else next(filter(None, map(shutil.which, _NAMES)), None)


def pdf_of(html: str) -> bytes:
    """A page printed to PDF as its style sheet says. Raises InputError without a browser; StepError
    where it fails."""
    return _made(html, "page.pdf", ("--no-pdf-header-footer", "--print-to-pdf={out}"))


def picture_of(html: str, width: int, height: int, scale: int) -> bytes:
    """A page as PNG, `width` x `height` CSS pixels of `scale` dots each. Raises as `pdf_of`."""
    size = f"--window-size={width},{height}"
    return _made(
        html, "page.png", (size, f"--force-device-scale-factor={scale}", "--screenshot={out}")
    )


def _made(html: str, name: str, options: Sequence[str]) -> bytes:
    program = browser()
    if program is None:
        raise InputError(NO_BROWSER, "", "report")
    # Sockets are named in the folder for temporary files, and their names may not be long.
    with scratch("browser") as folder, TemporaryDirectory(prefix="optim-") as temporary:
        page, out = folder / "page.html", folder / name
        page.write_text(html, encoding="utf-8")
        told = (option.format(out=out) for option in options)
        profile = f"--user-data-dir={folder / 'profile'}"
        words = [*_alone(), program, *_FLAGS, profile, *told, page.as_uri()]
        said = _run(words, folder, temporary)
        if not out.is_file() or not out.stat().st_size:
            raise StepError(
                f"{Path(program).name} made no {out.suffix[1:].upper()} ({said or 'no reason'}).",
                "Open the HTML report and print it, or name another browser in OPTIM_BROWSER.",
                "report",
            )
        return out.read_bytes()


@cache
def _alone() -> tuple[str, ...]:
    """What keeps a program off the network; nothing where the system does not allow that."""
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([*_ALONE, "true"], check=True, capture_output=True, timeout=10)
        return _ALONE
    return ()


def _run(words: Sequence[str], folder: Path, temporary: str) -> str:
    """Run to the end, or end it with all that it started. The last line that it said."""
    environment = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with subprocess.Popen(
        words,
        cwd=folder,
        env={**environment, "HOME": str(folder), "TMPDIR": temporary},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            said = f"it took longer than {_SECONDS} s".encode()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else ""
