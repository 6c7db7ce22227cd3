import html
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import yaml
from support import evalset_models as models
from support.bundles import HOSTILE, RECIPE, change_about, check_of, rehash, study_trials

from optim.bundles import manifest
from optim.bundles.bundle import write_bundle
from optim.bundles.derived import packed, run_script
from optim.bundles.replay import replay
from optim.bundles.report import report_html
from optim.errors import InputError, OptimError
from optim.evalset import adopt_evalset
from optim.home.files import hash_files
from optim.recipe import Recipe
from optim.showing.chart import trade_off
from optim.showing.points import default_plane, marks
from optim.timing.measurement import Measurement

pytestmark = pytest.mark.slow
_CHART = re.compile(r'Plotly\.newPlot\(\s*"[^"]+",\s*(\[.*?\]),\s*\{"', re.DOTALL)


def test_everything_is_in_it_with_its_hash(exported, findings):
    hashes = manifest.verify(exported)
    files = {p.relative_to(exported).as_posix() for p in exported.rglob("*") if p.is_file()}
    assert files == {*hashes, manifest.MANIFEST}
    assert {*manifest.REQUIRED, "run.py", "requirements.txt", "report.html"} <= files
    assert Recipe.from_yaml((exported / "recipe.yaml").read_text()) == RECIPE
    session = yaml.safe_load((exported / "session.yaml").read_text())
    assert session["runtime"] == "onnxruntime" and session["options"]["threads"] == 1
    measured = Measurement.from_bytes((exported / manifest.MEASUREMENT).read_bytes())
    assert measured == findings.measurement
    environment = json.loads((exported / "evidence/environment.json").read_text())
    assert len(environment) == 2 and environment[0]["machine_id"]


def test_sha256sum_reads_the_manifest(exported):
    subprocess.run(
        ["sha256sum", "--check", "--strict", manifest.MANIFEST], cwd=exported, check=True
    )


def test_the_script_runs_with_the_runtime_alone(exported, findings, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "elsewhere")
    for extra in ("original", "evidence", "recipe.yaml"):
        path = copy / extra
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    session = RECIPE.runtime.open(findings.optimized.path)
    labels = findings.evalset.labels("validation", 10)
    expected = []
    for feed, label in zip(findings.evalset.feeds("validation", 10), labels, strict=True):
        (scores,) = session.run(feed).values()
        expected.append((f"class {scores.argmax()}, score {scores.max():.4g}", f"class {label}"))
    assert _table(_run(copy)) == expected[:1]
    said = _run(copy, "evalset.npz", "--time")
    assert _table(said) == expected
    assert re.search(r"On 150 samples the top-1 accuracy is [\d.]+ %, the original's", said)
    assert re.search(
        r"the first 10 of 150 samples.\nExpected is .*\n[\d.]+ ms .the middle of \d+ runs", said
    )
    (copy / "evalset.npz").unlink()
    assert (copy / "requirements.txt").read_text().startswith("onnxruntime==")


def _run(folder, *given):
    command = [sys.executable, "-I", "run.py", *given]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def _table(said):
    rows = [re.split(r"  +", line) for line in said.splitlines()]
    assert rows[0] == ["sample", "answer", "expected"]
    return [tuple(row[1:]) for row in rows[1:] if row[0].isdecimal()]


def test_the_readme_says_what_to_run_and_takes_no_markup_from_names(exported):
    readme = (exported / manifest.README).read_text()
    assert readme.index("python run.py\n") < readme.index("optim replay")
    assert f"# `{HOSTILE}`, optimized" in readme, "in a code span, which is shown as it stands"
    files = {path.name for path in exported.iterdir()}
    assert files <= {name.rstrip("/") for name in re.findall(r"^\| `(.*?)`", readme, re.M)}


@pytest.mark.deep
def test_a_bundle_of_before_there_was_a_readme_replays(bundle):
    (bundle / manifest.README).unlink()
    rehash(bundle)
    assert check_of(replay(bundle), "script").ok


def test_the_script_of_every_runtime_gives_the_sessions_outputs(findings, tmp_path):
    sample = findings.evalset.feeds("validation", 1)[0]
    for text in ("onnxruntime:graph=basic,spinning=false", "openvino:precision=f32"):
        recipe = Recipe.parse(text)
        script = run_script(recipe, findings.original, findings.evalset)
        (tmp_path / "run.py").write_text(script)
        shutil.copyfile(findings.original.path, tmp_path / "model.onnx")
        (tmp_path / manifest.EXAMPLE).write_bytes(packed(sample))
        scope = {"__file__": str(tmp_path / "run.py"), "__name__": "imported"}
        exec((tmp_path / "run.py").read_text(), scope)
        expected = recipe.runtime.open(findings.original.path).run(sample)
        found = scope["run"](sample)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, rtol=1e-5)


def test_arrays_of_any_name_can_be_saved(tmp_path):
    given = {"file": np.arange(3), "a/b:0": np.ones((1, 2), np.float16), "": np.array(True)}
    (tmp_path / "a.npz").write_bytes(packed(given))
    with np.load(tmp_path / "a.npz") as read:
        assert all(np.array_equal(read[name], value) for name, value in given.items())


def test_a_folder_in_use_is_left_alone(findings, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_bundle(findings, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_the_report_is_self_contained_and_escapes_names(findings):
    page = report_html(findings)
    assert HOSTILE not in page and "&lt;img src=x" in page
    own = page.split("</script>", 1)[1]  # what follows Plotly's own code
    assert not re.search(r"""(src|href)\s*=\s*["']?https?:""", own)
    assert "<li>Its times &lt;depend&gt; on made-up inputs.</li>" in own, "a caution"
    assert "95 % interval" in own and findings.quality.verdict.split(" (")[0][:20] in own


def test_the_reports_chart_is_the_pages(findings):
    """The same points, shapes, ring and front as in the page, labels escaped."""
    drawn = _charts(findings)[0]
    expected = trade_off(
        marks(study_trials(), plane := default_plane(findings.quality.metric, study_trials())),
        *plane.axes(),
        chosen=1,
    )
    assert [trace["name"] for trace in drawn if "name" in trace] == [
        trace.name for trace in expected.data if trace.name
    ]
    by_name = {trace.get("name"): trace for trace in drawn}
    assert {"front", "front, estimated", "original"} <= by_name.keys()
    assert by_name["original"]["marker"]["symbol"] == ["square"]
    assert by_name["NVIDIA T4, estimate"]["marker"]["symbol"][0].endswith("-open")
    assert by_name["ONNX Runtime"]["hovertext"][0].endswith("On the front")
    assert f"{html.escape(HOSTILE)}, estimate" in by_name


def test_run_times_are_drawn_where_the_figures_have_them(findings):
    """In a study whose original took a tenth by itself, the boxes are a tenth as high."""

    def heights(found):
        (boxes,) = [one for one in _charts(found) if one[0]["type"] == "box"]
        return [np.median(box["y"]) for box in boxes]

    tenth = findings.summary.p50_ms.value * findings.summary.gain.value / 10
    scaled = replace(findings, original_ms=tenth)
    assert scaled.summary.slowed == pytest.approx(10)
    assert heights(findings) == pytest.approx([10 * at for at in heights(scaled)])


def _charts(findings):
    return [json.loads(found) for found in _CHART.findall(report_html(findings))]


def test_replay_rebuilds_measures_and_judges(bundle):
    lines = []
    result = replay(bundle, lines.append)
    assert check_of(result, "hashes").ok and check_of(result, "inputs").ok
    assert "bit for bit" in check_of(result, "model").text and check_of(result, "model").ok
    assert check_of(result, "quality").ok and result.quality == result.quality_claimed
    assert check_of(result, "speed-up").ok is not None and result.speedup.value > 0
    assert result.ok == all(check.ok for check in result.checks)
    assert "timing, process 1" in lines and "judging" in lines
    assert RECIPE.spelling in result.text()


@pytest.mark.deep
def test_replay_of_a_zip(bundle, tmp_path):
    path = shutil.make_archive(str(tmp_path / "zipped"), "zip", bundle)
    result = replay(tmp_path / path)
    assert check_of(result, "model").ok and check_of(result, "quality").ok


@pytest.mark.parametrize("name", manifest.REQUIRED)
def test_any_changed_file_fails(bundle, name):
    with (bundle / name).open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    result = replay(bundle)
    assert not result.ok and name in result.checks[0].text and "NOT replayed" in result.text()


def test_claims_that_do_not_hold_fail(bundle):
    """Another model than the recipe makes, another original than named, a better quality."""
    shutil.copyfile(bundle / manifest.ORIGINAL, bundle / "model.onnx")
    change_about(bundle, original_digest="0" * 64)
    claimed = json.loads((bundle / manifest.QUALITY).read_text())
    claimed |= {"value": claimed["value"] + 0.2, "difference_ci": [0.1, 0.2]}
    (bundle / manifest.QUALITY).write_text(json.dumps(claimed))
    rehash(bundle)
    result = replay(bundle)
    assert not result.ok
    assert [check_of(result, name).ok for name in ("inputs", "model", "quality")] == [False] * 3


@pytest.mark.deep
def test_a_forged_score_of_original_and_trial_alike_fails(bundle):
    claimed = json.loads((bundle / manifest.QUALITY).read_text())
    claimed |= {"value": 0.999, "baseline_value": 0.999 - claimed["difference"]}
    (bundle / manifest.QUALITY).write_text(json.dumps(claimed))
    rehash(bundle)
    assert check_of(replay(bundle), "quality").ok is False


@pytest.mark.deep
def test_other_library_versions_explain_a_difference(bundle):
    shutil.copyfile(bundle / manifest.ORIGINAL, bundle / "model.onnx")
    change_about(bundle, libraries={"onnx": "1.0.0"})
    rehash(bundle)
    check = check_of(replay(bundle), "model")
    assert check.ok is None and "onnx was 1.0.0 and is" in check.text


class TestHostile:
    @pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "a/../../outside", "a\\b"])
    def test_paths_stay_inside(self, bundle, name):
        with (bundle / manifest.MANIFEST).open("a") as file:
            file.write(f"{'0' * 64}  {name}\n")
        with pytest.raises(InputError, match="outside of the bundle"):
            manifest.verify(bundle)

    def test_links_are_refused(self, bundle, tmp_path):
        (tmp_path / "secret").write_text("secret")
        (bundle / "run.py").unlink()
        (bundle / "run.py").symlink_to(tmp_path / "secret")
        with pytest.raises(InputError, match="'run.py' is a link"):
            manifest.verify(bundle)

    def test_nothing_is_added_unseen(self, bundle):
        (bundle / "onnxruntime.py").write_text("print('in place of the engine')")
        with pytest.raises(InputError, match="'onnxruntime.py' is not in its MANIFEST"):
            manifest.verify(bundle)

    def test_required_files_must_be_listed(self, bundle):
        path = bundle / manifest.MANIFEST
        lines = [line for line in path.read_text().splitlines(True) if "evalset.npz" not in line]
        path.write_text("".join(lines))
        with pytest.raises(InputError, match="does not list evalset.npz"):
            manifest.verify(bundle)

    @pytest.mark.parametrize("content", ["", "hello\n", "\0" * 200_000])
    def test_a_manifest_that_is_none(self, bundle, content):
        (bundle / manifest.MANIFEST).write_text(content)
        assert not replay(bundle).ok

    def test_a_zip_that_climbs_out(self, tmp_path):
        path = tmp_path / "evil.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../evil.txt", "evil")
        with pytest.raises(InputError, match="outside"):
            replay(path)
        assert not (tmp_path.parent / "evil.txt").exists()

    def test_no_bundle(self, tmp_path):
        with pytest.raises(InputError, match="not a bundle"):
            replay(tmp_path)
        with pytest.raises(InputError, match="no bundle"):
            replay(tmp_path / "none")

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            (manifest.ABOUT, b"{}"),
            (manifest.QUALITY, b"[1]"),
            (manifest.RECIPE, b"!!python/object/apply:os.system ['true']"),
            (manifest.MEASUREMENT, b"\x1f\x8b not gzip"),
            (manifest.EVALSET, b"PK\x05\x06" + bytes(18)),
            (manifest.ORIGINAL, b"no model"),
        ],
    )
    def test_rehashed_nonsense_is_one_sentence(self, bundle, name, content):
        (bundle / name).write_bytes(content)
        rehash(bundle)
        with pytest.raises(OptimError) as caught:
            replay(bundle)
        assert caught.value.what and caught.value.next_step


def test_a_stored_evalset_is_adopted_only_by_its_model(findings, tmp_path):
    path = tmp_path / "evalset.npz"
    shutil.copyfile(findings.evalset.path, path)
    assert adopt_evalset(path, findings.original) == findings.evalset
    assert hash_files(path) == findings.evalset.digest
    with pytest.raises(InputError, match="inputs are not the model's"):
        adopt_evalset(path, models.embedder(tmp_path))
