import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from support import evalset_models as models

from optim.errors import InputError
from optim.evalset import Preprocessing, load_evalset, load_image_folder, stored
from optim.evalset.images import convert
from optim.model import TensorSpec

COLOURS = {"blue": (0, 0, 255), "green": (0, 255, 0), "red": (255, 0, 0)}


pytestmark = pytest.mark.usefixtures("home")


def picture(colour, size=(40, 30), form="PNG"):
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, form)
    return data.getvalue()


def zipped(folder, members):
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def folders(extra=None):
    found = {
        f"set/{name}/{i}.{form.lower()}": picture(colour, form=form)
        for name, colour in COLOURS.items()
        for i, form in enumerate(("PNG", "JPEG", "BMP", "WEBP"))
    }
    return found | (extra or {})


def converted(path, model, preprocessing, max_mb=64):
    out = path.with_name("out.npz")
    specs = [[spec.model_dump() for spec in part] for part in (model.inputs, model.outputs)]
    convert(str(path), *specs, preprocessing.model_dump(mode="json"), max_mb, str(out))


def test_folders_become_classes_and_pixels_are_normalized(tmp_path):
    model = models.image_classifier(tmp_path)
    path = zipped(tmp_path, folders({"set/readme.txt": b"hi", "__MACOSX/red/x.png": b""}))
    plain = Preprocessing(mean=(0, 0, 0), std=(1, 1, 1))
    evalset = load_image_folder(path, model, plain)
    assert evalset.classes == ("blue", "green", "red") and evalset.metric == "top1"
    assert evalset.calibration_count + evalset.validation_count == 12
    assert "2 files that are no images" in evalset.notes[1]
    feeds = evalset.feeds("validation") + evalset.feeds("calibration")
    labels = [*evalset.labels("validation"), *evalset.labels("calibration")]
    for sample, label in zip(feeds, labels, strict=True):
        means = sample["image"].mean(axis=(0, 2, 3))
        assert np.argmax(means) == 2 - label and means.max() == pytest.approx(1, abs=0.02)


def test_a_zip_given_as_evalset_gets_the_suggested_preprocessing(tmp_path):
    evalset = load_evalset(zipped(tmp_path, folders()), models.image_classifier(tmp_path))
    assert "layout nchw" in evalset.notes[0] and "0.485" in evalset.notes[0]


def test_bgr_nhwc_and_gray():
    red = Image.new("RGB", (20, 20), (255, 0, 0))
    spec = TensorSpec(name="x", dtype="float32", shape=(1, 8, 8, 3))
    bgr = Preprocessing(layout="nhwc", channels="bgr", mean=(0, 0, 0), std=(1, 1, 1))
    assert bgr.apply(red, spec)[0, 0, 0].tolist() == [0, 0, 1]
    spec = TensorSpec(name="x", dtype="uint8", shape=(1, 1, 8, 8))
    gray = Preprocessing(channels="gray", scale=1, mean=(0, 0, 0), std=(1, 1, 1))
    assert gray.apply(red, spec).tolist() == np.full((1, 1, 8, 8), 76).tolist()


@pytest.mark.parametrize(
    ("fit", "middle", "edge"), [("crop", 1, 1), ("stretch", 1, 0), ("pad", 1, 0)]
)
def test_ways_to_fit_a_wide_image(fit, middle, edge):
    """A white square in the middle of a black strip three times as wide."""
    strip = Image.new("L", (96, 32), 0)
    strip.paste(255, (32, 0, 64, 32))
    recipe = Preprocessing(
        channels="gray", fit=fit, crop_share=1, mean=(0, 0, 0), std=(1, 1, 1), filter="nearest"
    )
    row = recipe.apply(strip, TensorSpec(name="x", dtype="float32", shape=(1, 1, 32, 32)))[0, 0, 16]
    assert (row[16], row[2]) == (middle, edge)
    top = recipe.apply(strip, TensorSpec(name="x", dtype="float32", shape=(1, 1, 32, 32)))[0, 0, 2]
    assert top[16] == (0 if fit == "pad" else 1)


def test_numbered_folders_are_in_order_of_their_numbers(tmp_path):
    model = models.image_classifier(tmp_path, channels=3)
    path = zipped(tmp_path, {f"{name}/0.png": picture("red") for name in ("10", "9", "2")})
    assert load_image_folder(path, model, Preprocessing()).classes == ("2", "9", "10")


BOMB = {"red/bomb.png": picture("red", size=(9000, 9000))}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.png": picture("red")}, "no images"),
        ({"notes/a.txt": b"x"}, "no images"),
        (folders({"red/bad.png": b"not an image"}), "'red/bad.png' cannot be read"),
        (folders({"red/bad.png": picture("red")[:60]}), "'red/bad.png' cannot be read"),
        (folders(BOMB), "9000 x 9000 pixels; the limit is 64 million"),
        (folders({"violet/1.png": picture("red")}), "4 class folders.*has 3 classes"),
        ({f"red/{i}.png": picture("red") for i in range(4)}, r"1 class folders \(red\)"),
        (folders({"red/big.png": bytes(3_000_000)}), "unpacks to 3 MB; the limit is 2 MB"),
    ],
)
def test_bad_zips(tmp_path, members, message):
    with pytest.raises(InputError, match=message):
        converted(zipped(tmp_path, members), models.image_classifier(tmp_path), Preprocessing(), 2)


def test_misfits(tmp_path):
    path, model = zipped(tmp_path, folders()), models.image_classifier(tmp_path)
    with pytest.raises(InputError, match="does not fit layout nhwc"):
        converted(path, model, Preprocessing(layout="nhwc"))
    with pytest.raises(InputError, match="needs a model with one image as its input"):
        load_evalset(path, models.classifier(tmp_path))
    path.write_bytes(b"PK not really")
    with pytest.raises(InputError, match="is not a zip"):
        converted(path, model, Preprocessing())


def test_stored_labels_follow_their_images(tmp_path):
    path = zipped(tmp_path, folders())
    model = models.image_classifier(tmp_path)
    converted(path, model, Preprocessing())
    assert (
        sorted(
            np.concatenate(
                [
                    stored.read(path.with_name("out.npz"), f"{split}_labels", None)
                    for split in ("calibration", "validation")
                ]
            ).tolist()
        )
        == [0] * 4 + [1] * 4 + [2] * 4
    )
