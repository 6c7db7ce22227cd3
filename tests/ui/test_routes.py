"""The server's own routes: the viewer without telemetry, model files by digest, health."""

import gzip
import re
from collections.abc import Callable, Iterator
from html import escape

import pytest
from starlette.applications import Starlette
from support.asking import Answer, served
from support.study_tools import use_home, write_classifier

from optim.evalset import synthesize
from optim.home.files import put_bytes
from optim.ingest import ingest
from optim.ingest.samples import list_samples
from optim.model import Model
from optim.recipe import Recipe
from optim.settings import settings
from optim.studies.study import create_study
from optim.studies.trial import Progress
from ui.navigation import PAGES, Page
from ui.server.netron import viewer_url
from ui.server.routes import bundle_url, routes
from ui.server.scripts import ELEMENTS, MORE, PackedScripts
from ui.server.stamp import news_url
from ui.vendored import PLOTLY_URL, SMALL_PLOTLY_URL, scripts


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    folder = tmp_path_factory.mktemp("routes")
    with pytest.MonkeyPatch.context() as patch:
        use_home(folder / "home", patch)
        yield ingest(write_classifier(folder)[0])
    settings.cache_clear()


Get = Callable[..., Answer]


@pytest.fixture(scope="module")
def get(model: Model) -> Iterator[Get]:
    with served(PackedScripts(Starlette(routes=routes()))) as ask:
        yield ask


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_where_one_is_going_before_any_script_runs(get: Get, page: Page) -> None:
    answer = get("/" if page is PAGES[0] else f"/{page.name}")
    body = answer.text.partition("<body>")[2]
    assert f"Opening {page.title} ..." in body and '<div id="root"></div>' in body
    assert answer.headers["cache-control"] == "no-cache"


def test_the_start_page_has_its_samples_before_any_script_runs(get: Get) -> None:
    body = get("/").text
    for sample in list_samples():
        assert f"<strong>{escape(sample.title)}</strong>" in body
        assert f'data-opens="Open {escape(sample.title)}"' in body


def test_the_viewer_has_no_date_no_version_and_may_not_talk_to_others(get: Get) -> None:
    page = get("/netron/")
    assert '<meta name="version" content="0.0.0">' in page.text
    assert 'name="date"' not in page.text
    policy = page.headers["content-security-policy"]
    assert "connect-src 'self'" in policy and "script-src 'self';" in policy
    assert page.headers["set-cookie"].startswith("consent=")


def test_the_viewer_finds_its_scripts_and_the_model(get: Get, model: Model) -> None:
    page = get("/netron/")
    assert page.text.index("still.js") < page.text.index('src="', page.text.index("still.js") + 9)
    for script in re.findall(r'src="([^"]+\.js)"', page.text):
        assert get(f"/netron/{script}").status == 200
    url = viewer_url(model.digest, "a & b")
    assert "a%20%26%20b.onnx" in url
    relative = re.search(r"url=\.\.(/[^&]+)", url)
    assert relative and get(relative[1]).body == model.path.read_bytes()


def test_the_viewers_brackets_are_in_every_font(get: Get) -> None:
    """Netron's own are in fonts for Chinese and Japanese only; elsewhere they are empty boxes."""
    script = get("/netron/view.js").text
    assert r"\u3008" not in script and r"\u3009" not in script
    assert script.count(r"startsWith('\u2039')") == 2


@pytest.mark.parametrize(
    "path",
    ["/models/{digest}/model.json", "/models/{digest}/model.data", "/models/../model.onnx",
     "/models/%2e%2e/model.onnx", "/models/zz/model.onnx", f"/models/{'0' * 64}/model.onnx",
     "/models/{digest}/..%2f..%2fstudies.db", "/netron/../app.py", "/netron/%2e%2e/app.py",
     f"/bundles/{'0' * 64}/x.zip", "/bundles/..%2f..%2fstudies.db/x.zip"],
)  # fmt: skip
def test_nothing_else_is_served(get: Get, model: Model, path: str) -> None:
    assert get(path.format(digest=model.digest)).status == 404


def test_model_files_are_never_rendered(get: Get, model: Model) -> None:
    headers = get(f"/models/{model.digest}/model.onnx").headers
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_bundle_is_downloaded_under_its_name(get: Get, model: Model) -> None:
    answer = get(bundle_url(put_bytes(b"PK", ".zip"), "my-model-3"))
    assert answer.body == b"PK"
    assert 'filename="my-model-3.zip"' in answer.headers["content-disposition"]


def test_health_metrics_and_plotly(get: Get, model: Model) -> None:
    assert get("/healthz").text == "ok\n"
    assert "\noptim_studies 0\n" in get("/metrics").text
    assert "javascript" in get(PLOTLY_URL).headers["content-type"]


def test_the_small_build_of_plotly_is_of_the_same_version_and_a_quarter_of_it(get: Get) -> None:
    small, whole = (get(url).text for url in (SMALL_PLOTLY_URL, PLOTLY_URL))
    versions = [re.findall(r"\bv(\d+\.\d+\.\d+)", text[:200]) for text in (small, whole)]
    assert versions[0] == versions[1] != []
    assert 3 * len(small) < len(whole)


@pytest.mark.parametrize(
    ("page", "element"),
    [("/", one) for one in ELEMENTS] + [(f"/{page}", one) for page in MORE for one in MORE[page]],
)
def test_modules_that_pages_need_are_asked_for_with_the_page(
    get: Get, page: str, element: str
) -> None:
    text = get(page).text
    found = re.findall(rf'"modulepreload" crossorigin href="\.(/static/js/{element}\.[^"]+)', text)
    assert len(found) == 1 and "immutable" in get(found[0]).headers["cache-control"]
    imported = re.findall(r'(?:from|import)"\./([\w.-]+\.js)"', get(found[0]).text)
    assert all(name in text for name in imported), "none is found out about later"


def test_the_graphs_page_asks_for_its_viewer_before_there_is_a_frame(get: Get) -> None:
    found = re.findall(r'"preload" as="script" href="\.(/model-explorer/[^"]+)', get("/graph").text)
    assert len(found) > 1 and all(get(url).status == 200 for url in found)
    assert "model-explorer" not in get("/explore").text


def test_scripts_of_streamlit_come_packed_and_nothing_else_does(get: Get) -> None:
    (url,) = re.findall(r'<script type="module" crossorigin src="\.(/[^"]+)', get("/").text)
    plain, packed = get(url), get(url, {"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed.body) == plain.body and 2 * len(packed.body) < len(plain.body)
    assert get("/static/js/..%2f..%2findex.html").status == 404


@pytest.mark.parametrize("url", scripts())
def test_plotly_comes_packed_for_who_can_unpack_it(get: Get, url: str) -> None:
    plain, packed = get(url), get(url, {"Accept-Encoding": "gzip, br"})
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert "javascript" in packed.headers["content-type"]
    assert gzip.decompress(packed.body) == plain.body


def test_news_of_a_study_are_a_stamp_that_changes_with_it(get: Get, model: Model) -> None:
    study = create_study(model, synthesize(model))
    number = study.add(Recipe.baseline())
    url = news_url(study.name)
    before = get(url).text
    assert get(url).text == before and get(url).headers["cache-control"] == "no-store"
    study.note(number, "slow")
    assert get(url).text != before
    assert get(news_url("no-such-study")).status == 404


def test_what_a_step_does_is_told_below_the_stamp_and_draws_nothing_anew(
    get: Get, model: Model
) -> None:
    study = create_study(model, synthesize(model))
    number = study.add(Recipe.baseline())
    stamp = get(news_url(study.name)).text.split("\n")[0]
    study.begin(number)
    study.save(number, Progress(phase="building"))
    again, line = get(news_url(study.name)).text.split("\n")
    assert again == stamp and line == "Now: #0 onnxruntime: building"
    study.save(number, Progress(phase="timing: something else is timed"))
    assert get(news_url(study.name)).text.split("\n")[0] != stamp, "why there is no point yet"
