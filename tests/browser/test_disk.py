"""A real server measures, and its disk fills up, turns read-only, or loses the store."""

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import add_recipe, bring, trials_on_chart, wait_for_points
from support.serving import Server, free_port
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep]
NewPage = Callable[..., Page]
APART = ("unshare", "--user", "--map-root-user", "--mount")
UNWRITABLE = re.compile("The system refuses access|Nothing can be written")
SMALL_DISK = 'mount -t tmpfs -o size=200m tmpfs "$0" && exec "$@"'


@pytest.fixture
def on_a_small_disk(tmp_path: Path) -> Iterator[Server]:
    """A server whose home is a disk of 200 MB of its own."""
    if subprocess.run([*APART, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system grants no mounts")
    home = tmp_path / "home"
    home.mkdir()
    started = Server(home, free_port(), prefix=(*APART, "sh", "-c", SMALL_DISK, str(home)))
    started.start()
    yield started
    started.stop()


def test_a_full_disk_is_said_loses_nothing_and_work_goes_on(
    on_a_small_disk: Server, files: Path, new_page: NewPage
) -> None:
    server, page = on_a_small_disk, new_page()
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 1)
    assert server.process
    filler = Path(f"/proc/{server.process.pid}/root{server.home}/filler")
    with suppress(OSError), filler.open("wb", buffering=0) as sink:
        while sink.write(bytes(4096)):
            pass
    expect(page.get_by_text("The disk is full").first).to_be_visible()
    shown = trials_on_chart(page)
    filler.unlink()
    wait_for_points(page, len(shown) + 2)
    number = add_recipe(page, "openvino:streams=2")
    wait_for(lambda: {*shown, number} <= trials_on_chart(page))
    expect(page.get_by_text("The disk is full")).to_have_count(0)
    expect(page.get_by_text("failed; the table says why")).to_have_count(0)


def test_a_store_that_is_taken_away_is_said_and_put_back_is_whole(
    own_server: Server, files: Path, new_page: NewPage
) -> None:
    page = new_page()
    bring(page, own_server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 1)
    away = (own_server.home / "studies.db").rename(own_server.home / "away.db")
    expect(page.get_by_text("deleted or replaced").first).to_be_visible()
    page.reload()
    expect(page.get_by_text("deleted or replaced")).to_have_count(1)
    assert page.get_by_text("No study is open").count() == 0
    away.rename(own_server.home / "studies.db")
    page.reload()
    number = add_recipe(page, "openvino:streams=2")
    wait_for(lambda: number in trials_on_chart(page))
    expect(page.get_by_text("failed; the table says why")).to_have_count(0)


@pytest.fixture
def bound_by_rights(tmp_path: Path) -> Iterator[Server]:
    """A server that the rights of files bind, as they do not bind root."""
    bound = (*APART, "setpriv", "--bounding-set=-dac_override,-dac_read_search")
    if subprocess.run([*bound, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system gives no rights away")
    home = tmp_path / "home"
    home.mkdir()
    started = Server(home, free_port(), prefix=bound)
    started.start()
    yield started
    _allow(started.home, write=True)
    started.stop()


def _allow(home: Path, write: bool) -> None:
    for path in (home, *home.rglob("*")):
        path.chmod((0o700 if path.is_dir() else 0o600) & (0o777 if write else 0o555))


@pytest.mark.timeout(900)
def test_a_home_that_turns_read_only_is_said_and_work_goes_on(
    bound_by_rights: Server, files: Path, new_page: NewPage
) -> None:
    server, page = bound_by_rights, new_page()
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 1)
    shown = trials_on_chart(page)
    _allow(server.home, write=False)
    expect(page.get_by_text(UNWRITABLE).first).to_be_visible()
    study = page.url.partition("?")[2]
    for where in ("graph", "why", "export", "serve", "explore"):
        page.goto(f"{server.url}/{where}?{study}")
        page.get_by_text("classifier").first.wait_for()
        assert not page.get_by_text(re.compile("Traceback|went wrong")).count(), where
    expect(page.get_by_text(UNWRITABLE).first).to_be_visible()
    _allow(server.home, write=True)
    wait_for_points(page, len(shown) + 2)
    number = add_recipe(page, "openvino:streams=2")
    wait_for(lambda: {*shown, number} <= trials_on_chart(page))
    expect(page.get_by_text(UNWRITABLE)).to_have_count(0)
    expect(page.get_by_text("failed; the table says why")).to_have_count(0)
    assert "Traceback" not in server.log.read_text()
