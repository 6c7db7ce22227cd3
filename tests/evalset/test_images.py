import io
import struct
import zipfile
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image
from support import evalset_models as models

from optim.errors import InputError
from optim.evalset import Preprocessing, load_evalset, load_image_folder, stored
from optim.evalset.images import convert
from optim.evalset.pictures import done_to, plain
from optim.evalset.preview import previews, surveyed
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


def claims(side):
    """A small picture whose head says that it is far larger."""
    data = bytearray(picture("red"))
    data[16:24] = struct.pack(">II", side, side)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


BOMB = {"red/bomb.png": picture("red", size=(9000, 9000))}


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"a.png": picture("red")}, "no images"),
        ({"notes/a.txt": b"x"}, "no images"),
        (folders({"red/bad.png": b"not an image"}), "'red/bad.png' cannot be read"),
        (folders({"red/bad.png": picture("red")[:60]}), "'red/bad.png' cannot be read"),
        (folders({"red/bomb.png": claims(60_000)}), "far too many pixels; the limit is 64"),
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


def as_file(image, form="PNG", **options):
    data = io.BytesIO()
    image.save(data, form, **options)
    return Image.open(io.BytesIO(data.getvalue()))


def halves(size=(40, 40)):
    """Red above, blue below."""
    image = Image.new("RGB", size, (255, 0, 0))
    image.paste((0, 0, 255), (0, size[1] // 2, *size))
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_upright_by_its_tag(orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    stored = halves().transpose(undo[orientation]) if orientation in undo else halves()
    exif = Image.Exif()
    exif[0x0112] = orientation
    opened = as_file(stored, "JPEG", exif=exif, quality=95)
    shown = plain(opened, "RGB")
    assert shown.getpixel((20, 5))[0] > 200 and shown.getpixel((20, 35))[2] > 200
    assert ("turned" in done_to(opened, "RGB")) == (orientation > 1)


def test_greys_of_16_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    opened = as_file(Image.fromarray(ramp))
    shown = np.asarray(plain(opened, "L"))
    assert np.abs(shown - ramp / 257.0).max() <= 0.5 and done_to(opened, "RGB") == {"deep"}


def test_transparency_is_laid_on_white_and_hides_nothing():
    hidden = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    for image in (hidden, hidden.convert("LA")):
        opened = as_file(image)
        assert plain(opened, "RGB").getpixel((0, 0)) == (255, 255, 255)
        assert "opaque" in done_to(opened, "RGB")


@pytest.mark.parametrize("shape", [(1, 4, 6, 6), (1, 6, 6, 4)])
def test_transparency_is_kept_for_a_model_that_takes_four_channels(tmp_path, shape):
    spec = TensorSpec(name="image", dtype="float32", shape=shape)
    model = SimpleNamespace(inputs=[spec], outputs=[])
    recipe = Preprocessing.suggested(model)
    assert recipe.channels == "rgba" and recipe.mean == (0, 0, 0)
    opened = as_file(Image.new("RGBA", (6, 6), (255, 0, 51, 102)))
    array = recipe.apply(opened, spec)
    seen = array[0, :, 0, 0] if shape[1] == 4 else array[0, 0, 0]
    assert seen == pytest.approx([1, 0, 0.2, 0.4]) and not done_to(opened, recipe.mode)
    assert recipe.undone(array, spec)[0, 0].tolist() == [255, 0, 51, 102]


@pytest.mark.parametrize(("channels", "said"), [(2, ": 2 or 16"), (13, ": 13 or 16")])
def test_channels_that_no_picture_has_are_named(tmp_path, channels, said):
    model = models.image_classifier(tmp_path, channels=channels)
    with pytest.raises(InputError, match=rf"{said}\. A picture in a file has 1 \(grey\)"):
        load_evalset(zipped(tmp_path, folders()), model)


def test_palettes_and_cmyk_keep_their_colours():
    palette = as_file(Image.new("RGB", (4, 4), (0, 128, 0)).quantize(8))
    assert palette.mode == "P" and plain(palette, "RGB").getpixel((0, 0)) == (0, 128, 0)
    cmyk = as_file(Image.new("CMYK", (4, 4), (255, 0, 255, 0)), "JPEG")
    red, green, blue = plain(cmyk, "RGB").getpixel((0, 0))
    assert green > 200 and red < 60 and blue < 60


@pytest.mark.parametrize("form", ["TIFF", "GIF"])
def test_of_several_frames_the_first_is_taken_and_said(form):
    data = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), COLOURS[name]) for name in ("red", "blue")]
    frames[0].save(data, form, save_all=True, append_images=frames[1:])
    opened = Image.open(io.BytesIO(data.getvalue()))
    assert plain(opened, "RGB").getpixel((0, 0)) == (255, 0, 0)
    assert "frames" in done_to(opened, "RGB")


@pytest.mark.parametrize(("most", "shown"), [(1.0, 255), (200.0, 200)])
def test_pictures_of_real_numbers_keep_their_range(most, shown):
    opened = as_file(Image.fromarray(np.full((4, 4), most, np.float32)), "TIFF")
    assert opened.mode == "F" and done_to(opened, "RGB") == {"reals"}
    assert plain(opened, "L").getpixel((0, 0)) == shown


def test_folders_called_by_numbers_are_these_classes_though_some_are_missing(tmp_path):
    path = zipped(tmp_path, {f"{name}/{i}.gif": picture("red", form="GIF") for name in ("2", "00")
                             for i in range(2)})  # fmt: skip
    evalset = load_evalset(path, models.image_classifier(tmp_path))
    assert sorted([*evalset.labels("validation"), *evalset.labels("calibration")]) == [0, 0, 2, 2]
    assert evalset.classes == ("00", "1", "2")
    assert "Folders to classes: 00 = 0, 2 = 2." in evalset.notes


def test_what_was_done_and_the_folders_classes_are_said(tmp_path):
    data = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(data, "PNG")
    path = zipped(tmp_path, folders({"set/red/clear.png": data.getvalue()}))
    notes = load_evalset(path, models.image_classifier(tmp_path)).notes
    assert "Images: 1 with transparency laid on white." in notes
    assert "Folders to classes: blue = 0, green = 1, red = 2." in notes


def seeing(folder, shape, dtype):
    """A model of such an input that scores three classes, in some way."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["float", "flat"], ["row"]),
        helper.make_node("ReduceMean", ["row"], ["mean"], axes=[1]),
        helper.make_node("Add", ["mean", "bias"], ["logits"]),
    ]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weights = {"flat": np.array([1, -1]), "bias": np.array([[0, 2, 1]], np.float32)}
    outputs = [("logits", TensorProto.FLOAT, [1, 3])]
    return models.keep(folder, nodes, [("image", kind, list(shape))], outputs, weights)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 3, 16, 16), "float32"), ((1, 16, 16, 3), "uint8"), ((1, 1, 16, 16), "float32")],
)
def test_a_preview_shows_what_the_model_sees(tmp_path, shape, dtype):
    model = seeing(tmp_path, shape, dtype)
    recipe = Preprocessing.suggested(model)
    shown = previews(zipped(tmp_path, folders()), model, recipe, 2).seen
    assert [seen.folder for seen in shown] == ["blue", "green"]
    picture = Image.open(io.BytesIO(shown[0].data)).convert("RGB")
    assert min(picture.size) >= 96
    expected = Image.new("RGB", (1, 1), (0, 0, 255)).convert("L" if shape[1] == 1 else "RGB")
    assert (
        np.abs(
            np.subtract(picture.getpixel((9, 9)), expected.convert("RGB").getpixel((0, 0)))
        ).max()
        <= 2
    )


def test_a_wrong_order_of_channels_is_seen_in_answers_and_score(tmp_path):
    """The model answers the channel that is brightest; the folders are named in reverse order."""
    model, path = models.image_classifier(tmp_path), zipped(tmp_path, folders())
    plain = Preprocessing(mean=(0, 0, 0), std=(1, 1, 1))
    wrong = previews(path, model, plain)
    assert [seen.answer for seen in wrong.seen] == ["red", "green", "blue"]
    assert wrong.said == "Top-1 accuracy of the original: 33.33 % on 12 images"
    assert "near guessing" in wrong.doubt
    right = previews(path, model, plain.model_copy(update={"channels": "bgr"}))
    assert [seen.answer for seen in right.seen] == ["blue", "green", "red"]
    assert "100.00 % on 12 images" in right.said and not right.doubt


def test_a_set_is_checked_before_its_settings(tmp_path):
    model = models.image_classifier(tmp_path)
    found = surveyed(zipped(tmp_path, folders({"set/readme.txt": b"hi"})), model)
    assert (found.images, found.where, found.left_out) == (12, "in 3 folders", 1)
    assert "blue = 0" in found.said
    two = {name: data for name, data in folders().items() if "red" not in name}
    with pytest.raises(InputError, match="2 class folders .* has 3 classes"):
        surveyed(zipped(tmp_path, two), model)
    with pytest.raises(InputError, match="no images"):
        surveyed(zipped(tmp_path, {"a.png": b""}), model)
    with pytest.raises(InputError, match=r"red/0.png' cannot be read"):
        surveyed(zipped(tmp_path, folders({"set/red/0.png": b"no picture"})), model)
    with pytest.raises(InputError, match="one image as its input"):
        surveyed(zipped(tmp_path, folders()), models.embedder(tmp_path))


@pytest.mark.parametrize(("side", "share"), [(28, 1.0), (96, 1.0), (224, 0.875)])
def test_small_pictures_are_not_cropped_unless_asked(tmp_path, side, share):
    model = models.image_classifier(tmp_path, size=side)
    assert Preprocessing.suggested(model).crop_share == share


def in_splits(*splits: str) -> dict[str, bytes]:
    return {
        f"set/{split}/{name}/{i}.png": picture(colour)
        for split in splits
        for name, colour in COLOURS.items()
        for i in range(3)
    }


def test_of_splits_the_images_to_judge_by_are_taken(tmp_path):
    model = models.image_classifier(tmp_path)
    evalset = load_evalset(zipped(tmp_path, in_splits("train", "Val")), model)
    assert evalset.calibration_count + evalset.validation_count == 9
    assert "Of the splits, val was taken: 9 of 18 images." in evalset.notes
    assert surveyed(tmp_path / "images.zip", model).images == 9
    evalset = load_evalset(zipped(tmp_path, in_splits("train")), model)
    assert evalset.calibration_count + evalset.validation_count == 9


def test_an_input_that_nothing_reads_keeps_no_zip_of_images_away(tmp_path):
    def with_another(read: bool):
        nodes = [
            helper.make_node("ReduceMean", ["image"], ["y"], axes=[2, 3], keepdims=0),
            helper.make_node("Identity", ["extra" if read else "y"], ["z"]),
        ]
        shapes = [("image", [1, 3, 16, 16]), ("extra", [1, 3])], [("y", [1, 3]), ("z", [1, 3])]
        values = [[(name, TensorProto.FLOAT, shape) for name, shape in one] for one in shapes]
        return models.keep(tmp_path, nodes, *values, {})

    path, model = zipped(tmp_path, folders()), with_another(read=False)
    evalset = load_evalset(path, model)
    assert evalset.inputs == ("image", "extra")
    assert not any(feeds["extra"].any() for feeds in evalset.feeds("validation"))
    assert any("never reads" in note for note in evalset.notes)
    assert surveyed(path, model).images == 12
    assert previews(path, model, Preprocessing.suggested(model), 2).seen[0].answer
    for asked in (load_evalset, surveyed):
        with pytest.raises(InputError, match="one image as its input; this one takes .*extra"):
            asked(path, with_another(read=True))


ELSEWHERE = {
    "arrays": ({"x.npy": b"", "labels.npy": b""}, "Call it .npz instead"),
    "a list beside": ({"0.png": b"", "1.png": b"", "labels.csv": b""}, "'labels.csv' may say"),
    "nothing": ({"readme": b""}, "in a folder named by the class"),
}


@pytest.mark.parametrize("kind", list(ELSEWHERE))
def test_a_zip_without_folders_is_told_what_to_do(tmp_path, kind):
    members, told = ELSEWHERE[kind]
    with pytest.raises(InputError) as error:
        converted(zipped(tmp_path, members), models.image_classifier(tmp_path), Preprocessing())
    assert told in error.value.next_step


def test_folders_are_no_masks_and_no_boxes(tmp_path):
    nodes = [helper.make_node("Identity", ["image"], ["mask"])]
    values = [[(name, TensorProto.FLOAT, [1, 3, 16, 16])] for name in ("image", "mask")]
    model = models.keep(tmp_path, nodes, *values, {})
    with pytest.raises(InputError, match=r"the model names none .mask\[1, 3, 16, 16\]"):
        load_evalset(zipped(tmp_path, folders()), model)
