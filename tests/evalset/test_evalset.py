import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy
from onnx import TensorProto, helper
from support import evalset_models as models

from optim.errors import InputError
from optim.evalset import evalset_from_digest, load_evalset, stored, synthesize
from optim.evalset.npz import convert
from optim.settings import settings

N, F = 40, models.FEATURES
X = np.random.default_rng(3).standard_normal((N, F)).astype(np.float32)
LABELS = np.arange(N) % models.CLASSES
TEXTS = np.array(["a", "b", "c", "d"] * (N // models.CLASSES))


pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def classifier(tmp_path):
    return models.classifier(tmp_path)


def saved(folder: Path, **arrays) -> Path:
    path = folder / "given.npz"
    np.savez(path, **arrays)
    return path


def converted(folder: Path, model, max_mb: int = 64, **arrays):
    """What a child does, here in this process: quicker, and the same function."""
    return converted_file(saved(folder, **arrays), model, max_mb)


def converted_file(path: Path, model, max_mb: int = 64):
    out = path.with_name("out.npz")
    specs = [[spec.model_dump() for spec in part] for part in (model.inputs, model.outputs)]
    convert(str(path), specs[0], specs[1], max_mb, str(out))
    stored.about.cache_clear()
    return out


class TestGood:
    def test_loads_splits_and_feeds_in_the_models_shapes(self, tmp_path, classifier):
        evalset = load_evalset(saved(tmp_path, x=X, labels=LABELS), classifier)
        assert (evalset.metric, evalset.labelled, evalset.synthetic) == ("top1", True, False)
        assert (evalset.calibration_count, evalset.validation_count) == (10, 30)
        assert "10 to calibrate with, 30 to validate with" in evalset.split_note
        feeds = evalset.feeds("calibration") + evalset.feeds("validation")
        assert all(f["x"].shape == (1, F) and f["x"].dtype == np.float32 for f in feeds)
        labels = [*evalset.labels("calibration"), *evalset.labels("validation")]
        given = {row.tobytes(): label for row, label in zip(X, LABELS, strict=True)}
        assert {f["x"].tobytes(): label for f, label in zip(feeds, labels, strict=True)} == given

    def test_same_content_is_same_digest_and_is_found_again(self, tmp_path, classifier):
        first = load_evalset(saved(tmp_path, x=X, labels=LABELS), classifier)
        with_batch = X.reshape(N, 1, F)
        second = load_evalset(saved(tmp_path, labels=LABELS, x=with_batch), classifier)
        assert first == second == evalset_from_digest(first.digest)

    def test_limit_is_a_prefix(self, tmp_path, classifier):
        evalset = load_evalset(saved(tmp_path, x=X, labels=LABELS), classifier)
        few, every = evalset.feeds("validation", 5), evalset.feeds("validation")
        assert len(few) == 5
        assert all(np.array_equal(a["x"], b["x"]) for a, b in zip(few, every, strict=False))
        assert np.array_equal(evalset.labels("validation", 5), evalset.labels("validation")[:5])

    def test_calibration_mask_is_kept_to(self, tmp_path, classifier):
        mask = np.zeros(N, bool)
        mask[:7] = True
        out = converted(tmp_path, classifier, x=X, labels=LABELS, calibration=mask)
        rows = stored.read(out, "calibration_0", None).reshape(-1, F)
        assert {row.tobytes() for row in rows} == {row.tobytes() for row in X[:7]}
        assert "as the EvalSet itself says" in stored.about(out)["split_note"]

    def test_texts_stay_with_their_samples_and_are_cut(self, tmp_path, classifier):
        texts = np.array([f"{number} {'x' * 500}" for number in range(N)])
        evalset = load_evalset(saved(tmp_path, x=X, labels=LABELS, texts=texts), classifier)
        given = {row.tobytes(): number for number, row in enumerate(X)}
        pairs = zip(evalset.feeds("validation"), evalset.texts("validation"), strict=True)
        assert all(int(text.split()[0]) == given[feed["x"].tobytes()] for feed, text in pairs)
        assert {len(text) for text in evalset.texts("calibration", 5)} == {400}
        assert load_evalset(saved(tmp_path, x=X), classifier).texts("validation") == []

    def test_float64_is_rounded_and_noted_and_fortran_order_is_read_right(
        self, tmp_path, classifier
    ):
        out = converted(tmp_path, classifier, x=np.asfortranarray(X.astype(np.float64)))
        splits = [stored.read(out, f"{name}_0", None) for name in ("calibration", "validation")]
        rows = np.concatenate(splits)
        assert {row.tobytes() for row in rows} == {row.tobytes() for row in X}
        assert "rounded from float64 to float32" in stored.about(out)["notes"][0]

    def test_narrow_integers_are_widened(self, tmp_path):
        model = models.embedder(tmp_path)
        ids = np.random.default_rng(0).integers(0, 50, (N, 6), dtype=np.uint8)
        out = converted(tmp_path, model, ids=ids, attention_mask=np.ones((N, 6), bool))
        assert stored.read(out, "validation_0", 1).dtype == np.int64

    @pytest.mark.parametrize(
        ("labels", "metric"),
        [(LABELS, "top1"), (None, "fidelity"), (np.ones((N, models.CLASSES)) / 3, "mae")],
    )
    def test_metric_is_inferred(self, tmp_path, classifier, labels, metric):
        extra = {} if labels is None else {"labels": labels}
        assert stored.about(converted(tmp_path, classifier, x=X, **extra))["metric"] == metric

    def test_binary_labels_of_a_scorer_mean_auc(self, tmp_path):
        model = models.scorer(tmp_path)
        out = converted(tmp_path, model, x=X, labels=LABELS % 2)
        assert stored.about(out)["metric"] == "auc"

    def test_metric_and_classes_by_name(self, tmp_path, classifier):
        out = converted(
            tmp_path, classifier, x=X, labels=LABELS, metric="Top-5", classes=["a", "b", "c", "d"]
        )
        assert stored.about(out)["metric"] == "top5"
        assert stored.about(out)["classes"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        (["ant", "bee", "cat", "dog"], None, [0, 1, 2, 3]),  # in order
        (["b", "d", "a", "c"], ["d", "c", "b", "a"], [2, 0, 3, 1]),  # as the EvalSet says
        (["3", "0", "1", "0"], None, [3, 0, 1, 0]),  # numbers of some of the classes
        (["9", "10", "7", "8"], None, [2, 3, 0, 1]),  # names with numbers, as many as classes
    ],
)
def test_labels_that_are_texts_become_class_numbers(
    tmp_path, classifier, names, classes, expected
) -> None:
    extra = {} if classes is None else {"classes": classes}
    labels = np.array(names)[LABELS][:, None]
    about = stored.about(converted(tmp_path, classifier, x=X, labels=labels, **extra))
    out = tmp_path / "out.npz"
    found = {
        row.tobytes(): int(label)
        for split in ("calibration", "validation")
        for row, label in zip(
            stored.read(out, f"{split}_0", None).reshape(-1, F),
            stored.read(out, f"{split}_labels", None),
            strict=True,
        )
    }
    assert [found[row.tobytes()] for row in X] == [expected[label] for label in LABELS]
    assert f"{names[1]} = {expected[1]}" in about["notes"][-1]


def test_one_array_is_taken_for_the_only_input_whatever_its_name(tmp_path):
    model = models.classifier(tmp_path)
    evalset = load_evalset(saved(tmp_path, arr_0=X, labels=LABELS), model)
    assert "array 'arr_0' was taken for the model's only input, 'x'" in evalset.notes[0]
    for names in (("X_test", "y_test"), ("x-val", "Target_val"), ("arr_0", "arr_1")):
        arrays = dict(zip(names, (X, LABELS), strict=True))
        evalset = load_evalset(saved(tmp_path, **arrays), model)
        assert evalset.labelled and f"{names[1]!r} was taken for the labels" in evalset.notes[0]
    with pytest.raises(InputError, match="no array for the input 'ids'"):
        load_evalset(saved(tmp_path, arr_0=X), models.embedder(tmp_path))


def test_one_number_beside_labels_is_no_pair(tmp_path):
    with pytest.raises(InputError, match="arr_0"):
        load_evalset(
            saved(tmp_path, arr_0=np.float32(1), arr_1=LABELS), models.classifier(tmp_path)
        )


def test_labels_are_found_under_the_names_that_people_give_them(tmp_path):
    evalset = load_evalset(saved(tmp_path, data=X, Target=LABELS), models.classifier(tmp_path))
    assert evalset.metric == "top1"
    assert "array 'Target' was taken for the labels" in evalset.notes[0]
    assert "array 'data' was taken for the model's only input, 'x'" in evalset.notes[1]


def test_weights_of_samples_are_told_to_be_left_out(tmp_path):
    path = saved(tmp_path, x=X, labels=LABELS, sample_weight=np.ones(N))
    notes = load_evalset(path, models.classifier(tmp_path)).notes
    assert "Left out: 'sample_weight'. Weights are not used, each sample counts alike." in notes


BAD = {
    "missing input": ({"a": X, "z": X}, "no array for the input 'x'"),
    "missing input, no other": ({"labels": LABELS}, "no array for the input 'x'; it has no other"),
    "one array of another shape": ({"y": X[:, :3]}, r"'x' has shape \[40, 3\]"),
    "unknown array": ({"x": X, "extra": X}, "'extra' that is no input"),
    "wrong shape": ({"x": X[:, :3]}, r"shape \[40, 3\]; the model wants \[samples, 1, 8\]"),
    "scalar": ({"x": np.float32(1)}, "has shape"),
    "wrong dtype": ({"x": X.astype(np.int64)}, "is int64; the model wants float32"),
    "text": ({"x": X.astype(str)}, "the model wants float32"),
    "NaN": ({"x": np.where(np.arange(N)[:, None] == 7, np.nan, X)}, "8 NaN .* in sample 7"),
    "infinite": ({"x": np.full_like(X, np.inf)}, "320 infinite values, .* in sample 0"),
    "too large": ({"x": np.full((N, F), 1e300)}, "float32 cannot hold"),
    "no samples": ({"x": X[:0]}, "zero samples"),
    "one sample": ({"x": X[:1]}, "has 1 sample"),
    "label too high": ({"x": X, "labels": LABELS + 1}, "Label 4 of sample 3 is out of range"),
    "label negative": ({"x": X, "labels": LABELS - 1}, "Label -1 of sample 0"),
    "too few labels": ({"x": X, "labels": LABELS[:5]}, "5 labels for 40 samples"),
    "label NaN": ({"x": X, "labels": np.full(N, np.nan)}, "labels hold NaN"),
    "label fraction": ({"x": X, "labels": LABELS + 0.5, "metric": "top1"}, "one class number"),
    "label text": ({"x": X, "labels": TEXTS[:, None].repeat(2, 1)}, "labels are <U.*, not numbers"),
    "label names": ({"x": X, "labels": TEXTS[LABELS % 3]}, "3 texts as labels .a, b, c.* has 4"),
    "label unknown": (
        {"x": X, "labels": TEXTS[LABELS], "classes": ["a", "b", "c", "e"]},
        "label 'd' is none of the `classes`",
    ),
    "unknown metric": ({"x": X, "labels": LABELS, "metric": "bleu"}, "no metric 'bleu'"),
    "metric without labels": ({"x": X, "metric": "top1"}, "top1 needs labels"),
    "metric unlike outputs": ({"x": X, "labels": LABELS % 2, "metric": "auc"}, "fits none"),
    "more labels than classes": (
        {"x": X, "labels": LABELS, "classes": ["a", "b"]},
        "classes 0 to 1",
    ),
    "mask of wrong length": ({"x": X, "calibration": np.ones(3, bool)}, "one true or false"),
    "mask takes all": ({"x": X, "calibration": np.ones(N, bool)}, "no sample for validation"),
    "texts of wrong length": ({"x": X, "texts": ["a"]}, "`texts` array is"),
    "texts that are numbers": ({"x": X, "texts": LABELS}, "`texts` array is"),
    "texts that are none": (
        {"x": X, "labels": np.full(N, 0x7FFFFFFF, np.uint32).view("<U1")},
        "characters that do not exist",
    ),
    "arrays without end": (
        {f"a{i}": np.empty(0) for i in range(300)},
        "'a7' and 292 more",
    ),
    "pickled objects": ({"x": np.array([{}] * N)}, "pickled Python objects"),
}


class TestBad:
    @pytest.mark.parametrize("case", BAD)
    def test_one_sentence_and_a_next_step(self, tmp_path, classifier, case):
        arrays, message = BAD[case]
        with pytest.raises(InputError, match=message) as caught:
            converted(tmp_path, classifier, **arrays)
        assert caught.value.where == "EvalSet"
        assert caught.value.next_step.endswith(".")

    def test_inputs_of_different_lengths(self, tmp_path):
        model = models.embedder(tmp_path)
        ids = np.zeros((N, 6), np.int64)
        with pytest.raises(InputError, match="ids has 40, attention_mask has 39"):
            converted(tmp_path, model, ids=ids, attention_mask=ids[:39])

    def test_integers_that_do_not_fit(self, tmp_path):
        model = models.embedder(tmp_path)
        ids = np.full((N, 6), 2**63, np.uint64)
        with pytest.raises(InputError, match="int64 cannot hold"):
            converted(tmp_path, model, ids=ids, attention_mask=np.ones((N, 6), np.int64))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "not an .npz file, or it is cut off"),
            (b"\x00not a zip", "not an .npz file, or it is cut off"),
            (b"\x93NUMPY\x01\x00", r"a single array \(.npy\), .*Read it with numpy.load"),
            (b"PAR1\x15\x04", r"a Parquet file, .*pandas.read_parquet\(.*numpy.savez"),
            (b"RIFF\x24\x00\x00\x00WAVE", r"a recording \(.wav\), .*scipy.io.wavfile.read"),
            (b"a,b\n1,2\n", "has 2 columns .*; the model takes 8"),
        ],
    )
    def test_not_an_npz(self, tmp_path, classifier, content, said):
        path = tmp_path / "given.npz"
        path.write_bytes(content)
        with pytest.raises(InputError, match=said):
            load_evalset(path, classifier)

    def test_a_shape_beyond_all_numbers_is_refused(self, tmp_path, classifier):
        path, head = saved(tmp_path, x=X), io.BytesIO()
        shape = {"descr": "<f4", "fortran_order": False, "shape": (0, 10**30)}
        npy.write_array_header_1_0(head, shape)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", head.getvalue())
        with pytest.raises(InputError, match="damaged"):
            converted_file(path, classifier)

    @pytest.mark.parametrize(
        ("members", "said"),
        [
            ({"x": X, "classes": 10**10}, "'classes' holds 10,000,000,000 empty texts"),
            ({"x": X, "n" * 60_000: X}, "an array 'n{79}…' that is no input"),
        ],
    )
    def test_an_odd_array_is_named_in_a_sentence(self, tmp_path, classifier, members, said):
        path = tmp_path / "given.npz"
        with zipfile.ZipFile(path, "w") as archive:
            for name, value in members.items():
                with archive.open(f"{name}.npy", "w") as sink:
                    if isinstance(value, int):
                        about = {"descr": "<U0", "fortran_order": False, "shape": (value,)}
                        npy.write_array_header_1_0(sink, about)
                    else:
                        npy.write_array(sink, value)
        with pytest.raises(InputError, match=said):
            converted_file(path, classifier)

    def test_an_array_that_is_there_twice_is_refused(self, tmp_path, classifier):
        path = saved(tmp_path, x=X)
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", archive.read("x.npy"))
        with pytest.raises(InputError, match="holds 'x.npy' twice"):
            converted_file(path, classifier)

    def test_a_shape_of_truths_is_refused(self, tmp_path, classifier):
        path = tmp_path / "given.npz"
        head = b"{'descr': '<f4', 'fortran_order': False, 'shape': (True, 8)}\n"
        with zipfile.ZipFile(path, "w") as archive:
            size = struct.pack("<H", len(head))
            archive.writestr("x.npy", b"\x93NUMPY\1\0" + size + head + bytes(32))
        with pytest.raises(InputError, match="damaged .*an axis no length"):
            converted_file(path, classifier)

    def test_every_truncation_is_refused(self, tmp_path, classifier):
        data = saved(tmp_path, x=X, labels=LABELS).read_bytes()
        for cut in range(1, len(data), 97):
            path = tmp_path / "cut.npz"
            path.write_bytes(data[:cut])
            with pytest.raises(InputError, match="cut off|damaged"):
                converted_file(path, classifier)

    def test_flipped_bytes_never_raise_anything_else(self, tmp_path, classifier):
        data = bytearray(saved(tmp_path, x=X, labels=LABELS).read_bytes())
        random = np.random.default_rng(0)
        refused = 0
        for _ in range(150):
            damaged = bytearray(data)
            damaged[random.integers(len(data))] ^= int(random.integers(1, 256))
            path = tmp_path / "damaged.npz"
            path.write_bytes(damaged)
            try:
                converted_file(path, classifier)
            except InputError:
                refused += 1
        assert refused > 50

    def test_a_million_entries_are_refused_before_they_are_read(self, tmp_path, classifier):
        path = tmp_path / "many.npz"
        entry = b"PK\1\2" + b"\0" * 42
        end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, 46 * 1_000_000, 0, 0)
        path.write_bytes(entry * 1_000_000 + end)
        with pytest.raises(InputError, match="over 10,000 files"):
            load_evalset(path, classifier)

    def test_zip_bomb_is_refused_before_it_is_read(self, tmp_path, classifier):
        path = tmp_path / "bomb.npz"
        np.savez_compressed(path, x=np.zeros((3_000_000, F), np.float32))
        assert path.stat().st_size < 200_000
        with pytest.raises(InputError, match="unpacks to 96 MB; the limit is 64 MB"):
            converted_file(path, classifier)

    def test_header_that_lies_about_its_size(self, tmp_path, classifier):
        member = io.BytesIO()
        text = str({"descr": "<f4", "fortran_order": False, "shape": (10**12, F)}).encode()
        text += b" " * (63 - (10 + len(text)) % 64) + b"\n"
        member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(64))
        path = tmp_path / "liar.npz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", member.getvalue())
        with pytest.raises(InputError, match="32,000,000,000,000 bytes, but it holds 64"):
            converted_file(path, classifier)

    def test_members_that_are_no_arrays(self, tmp_path, classifier):
        path = tmp_path / "odd.npz"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../../evil.sh", "echo")
        with pytest.raises(InputError, match="which is no array"):
            converted_file(path, classifier)

    def test_missing_file_and_missing_digest(self, tmp_path, classifier):
        with pytest.raises(InputError, match="no file"):
            load_evalset(tmp_path / "none.npz", classifier)
        with pytest.raises(InputError, match="No EvalSet is stored"):
            evalset_from_digest("0" * 64)


class TestSynthesized:
    def test_floats(self, classifier):
        evalset = synthesize(classifier, samples=200)
        assert evalset.synthetic and not evalset.labelled and evalset.metric == "fidelity"
        assert "only fidelity" in evalset.notes[0]
        values = np.concatenate([f["x"] for f in evalset.feeds("validation")])
        assert abs(values.mean()) < 0.1 and abs(values.std() - 1) < 0.1
        assert evalset == synthesize(classifier, samples=200)

    def test_token_ids_stay_in_the_table_and_masks_are_ones(self, tmp_path):
        evalset = synthesize(models.embedder(tmp_path), samples=100)
        feeds = evalset.feeds("validation")
        ids = np.stack([f["ids"] for f in feeds])
        assert ids.min() >= 0 and 40 < ids.max() < models.VOCABULARY
        assert all((f["attention_mask"] == 1).all() for f in feeds)

    def test_size_is_bounded(self, classifier, monkeypatch):
        monkeypatch.setenv("OPTIM_MAX_EVALSET_MB", "1")
        settings.cache_clear()
        with pytest.raises(InputError, match="the limit is 1 MB"):
            synthesize(classifier, samples=100_000)


@pytest.mark.parametrize("mark", [-1, -100, 255, np.nan])
def test_samples_that_are_marked_as_having_no_label_are_left_out(
    tmp_path, classifier, mark
) -> None:
    labels = np.where(np.arange(N) < 8, mark, LABELS)
    texts = np.array([f"sample {i}" for i in range(N)])
    out = converted(tmp_path, classifier, x=X, labels=labels[None], texts=texts)
    about = stored.about(out)
    assert about["metric"] == "top1" and "8 samples are marked" in about["notes"][0]
    assert about["calibration_count"] + about["validation_count"] == N - 8
    rows, said, given = (
        stored.read(out, f"validation_{what}", None) for what in ("0", "texts", "labels")
    )
    place = int(said[0].split()[1])
    assert np.array_equal(rows[0].ravel(), X[place]) and given[0] == LABELS[place]


def test_a_mark_that_may_be_a_class_is_none(tmp_path, classifier) -> None:
    with pytest.raises(InputError, match="Counted from -1.*shift=.1"):
        converted(tmp_path, classifier, x=X, labels=LABELS % 3 - 1)
    scorer = models.scorer(tmp_path)
    out = converted(tmp_path, scorer, x=X, labels=LABELS % 3 - 1)
    assert stored.about(out)["metric"] == "mae"


@pytest.mark.parametrize(
    "labels",
    [LABELS % 2 * 2 - 1, LABELS % 2 + 1, np.eye(2)[LABELS % 2], (LABELS % 2)[None]],
    ids=["-1 and 1", "1 and 2", "one-hot", "a row"],
)
def test_two_classes_written_otherwise_are_0_and_1(tmp_path, labels) -> None:
    out = converted(tmp_path, models.scorer(tmp_path), x=X, labels=labels)
    assert stored.about(out)["metric"] == "auc"
    found = stored.read(out, "validation_labels", None)
    assert set(found.tolist()) == {0, 1}


def embedded(folder: Path, **changed: int):
    """What `load_evalset` says where some ids of sample 7 and 9 are other numbers."""
    ids = np.random.default_rng(0).integers(0, models.VOCABULARY, (N, 6))
    for place, value in zip(((7, 2), (9, 0)), changed.values(), strict=False):
        ids[place] = value
    path = saved(folder, ids=ids, attention_mask=np.ones((N, 6), np.int64))
    return load_evalset(path, models.embedder(folder))


def test_ids_beyond_the_table_are_named_when_they_are_brought(tmp_path) -> None:
    said = r"'ids' holds 50 in sample 7; .* 'table' of 50 rows, which reach from 0 to 49"
    with pytest.raises(InputError, match=said):
        embedded(tmp_path, a=50, b=900)
    assert "1 numbers below 0, which count from the end" in embedded(tmp_path, a=-1).notes[0]


def test_numbers_without_axes_are_tried_as_they_are(tmp_path) -> None:
    nodes = [helper.make_node("Gather", ["x", "which"], ["y"], axis=1)]
    given = [("x", TensorProto.FLOAT, [1, 4]), ("which", TensorProto.INT64, [])]
    model = models.keep(tmp_path, nodes, given, [("y", TensorProto.FLOAT, [1])], {})
    path = saved(tmp_path, x=X[:, :4], which=np.arange(N) % 4)
    assert load_evalset(path, model).validation_count


def test_a_whole_number_that_the_model_does_not_run_with_is_named(tmp_path) -> None:
    nodes = [helper.make_node("Gather", ["x", "which"], ["y"], axis=1)]
    given = [("x", TensorProto.FLOAT, [1, 4]), ("which", TensorProto.INT64, [1])]
    model = models.keep(tmp_path, nodes, given, [("y", TensorProto.FLOAT, [1, 1])], {})
    which = np.arange(N)[:, None] % 4
    path = saved(tmp_path, x=X[:, :4], which=which)
    assert load_evalset(path, model).validation_count
    which[5] = 4
    with pytest.raises(InputError, match="does not run on sample 5 .*'which' holds 4 there"):
        load_evalset(saved(tmp_path, x=X[:, :4], which=which), model)
