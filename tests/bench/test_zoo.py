"""The zoo's own code: what makes models and EvalSets, not the training of each."""

import json
import struct

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from bench import zoo
from bench.zoo import base
from bench.zoo.all_minilm import safetensors, theirs, wordpieces
from bench.zoo.bert import Encoder, mean_of_words
from bench.zoo.magika import features
from bench.zoo.pictures import enlarged
from bench.zoo.prose import sentences
from bench.zoo.rendering import line, page
from bench.zoo.silero_vad import speech_like
from bench.zoo.training import export, fit
from bench.zoo.yolo import _scenes
from optim.errors import InputError
from optim.evalset import load_evalset
from optim.ingest import ingest
from sample_models.common import Split

pytestmark = pytest.mark.slow


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def write_toy(cache, folder):
    """A trained line: y = 2 x."""
    net = nn.Linear(1, 1)
    x = torch.linspace(-1, 1, 32)[:, None]
    fit(net, lambda step: ((x,), 2 * x), 200, functional.mse_loss, 0.05)
    base.write_evalset(folder, {"x": x.numpy()}, 8, 2 * x.numpy()[:, 0], "mae")
    export(net, {"x": x[:1]}, ["y"], folder)


@pytest.fixture
def toy(monkeypatch) -> list[str]:
    """A zoo of one toy; tells how often it was made."""
    times: list[str] = []

    def make(cache, folder):
        times.append(folder.name)
        write_toy(cache, folder)

    monkeypatch.setattr(base, "entries", lambda: {"toy": base.Entry("toy", "A line.", make)})
    return times


def test_every_file_with_an_entry_is_found_under_its_own_name():
    found = zoo.entries()
    assert {"resnet18", "resnet50", "mobilenet_v2", "minilm", "bert_tiny", "yolo"} < set(found)
    assert all(entry.name == name and entry.summary.endswith(".") for name, entry in found.items())


def test_a_model_is_made_once_and_trained(toy, home, tmp_path):
    one = zoo.subject("toy", tmp_path)
    assert zoo.subject("toy", tmp_path).model.digest == one.model.digest
    assert toy == ["toy.partial"]
    assert one.evalset.calibration_count == 8
    session_file = base.model_file(tmp_path / "models" / "toy")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(session_file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"x": np.array([[0.5]], np.float32)})
    assert found == pytest.approx(1.0, abs=0.05)


def test_what_was_interrupted_is_made_again(toy, home, tmp_path):
    (tmp_path / "models" / "toy.partial").mkdir(parents=True)
    (tmp_path / "models" / "toy.partial" / "half").touch()
    assert not (zoo.made("toy", tmp_path) / "half").exists()


def test_an_unknown_name_is_told_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="bert_tiny"):
        zoo.made("bert_giant", tmp_path)


def test_a_sample_is_a_subject_too(home, tmp_path):
    assert zoo.subject("credit", tmp_path).evalset.metric == "auc"


def test_training_leaves_less_loss_and_a_net_that_is_not_training():
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)), torch.randn(64, 4)
    wanted = (x[:, 0] > 0).long()
    before = functional.cross_entropy(net(x), wanted).item()
    fit(net, lambda step: ((x,), wanted), 60, functional.cross_entropy, 1e-2)
    assert functional.cross_entropy(net(x), wanted).item() < before / 2
    assert not net.training


def test_the_encoder_sees_nothing_of_masked_words():
    torch.manual_seed(0)
    net, mask = Encoder(20, 8, 2, 2, 6).eval(), torch.tensor([[1, 1, 1, 0, 0, 0]])
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    other = torch.tensor([[1, 2, 3, 9, 9, 9]])
    one, two = (mean_of_words(net(some, mask), mask) for some in (ids, other))
    assert torch.allclose(one, two, atol=1e-6)
    assert not torch.allclose(one, mean_of_words(net(ids.flip(1), mask), mask), atol=1e-3)


def test_an_encoder_trained_on_windows_is_exported_from_its_first_word(home, tmp_path):
    net = Encoder(20, 8, 1, 2, 6).eval()
    ids = torch.tensor([[1, 2, 3, 4, 5, 6]])
    arrays = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    export(net, arrays, ["hidden"], tmp_path)
    base.write_evalset(tmp_path, {k: np.repeat(v.numpy(), 6, 0) for k, v in arrays.items()}, 2)
    evalset = tmp_path / "evalset.npz"
    model = ingest(base.model_file(tmp_path), evalset=evalset)
    assert load_evalset(evalset, model).inputs == ("input_ids", "attention_mask")


def test_names_of_the_checkpoint():
    assert theirs("word.weight") == "embeddings.word_embeddings.weight"
    assert theirs("norm.bias") == "embeddings.LayerNorm.bias"
    assert theirs("layers.3.out.weight") == "encoder.layer.3.attention.output.dense.weight"
    assert theirs("layers.0.norm2.bias") == "encoder.layer.0.output.LayerNorm.bias"


def test_safetensors_are_read(tmp_path):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    entry = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "w": entry}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + values.tobytes())
    assert np.array_equal(safetensors(path)["w"].numpy(), values)


def test_wordpieces_are_the_longest_from_the_left():
    words = ("[UNK]", "un", "##aff", "##able", "unaf", ",", "a")
    vocabulary = {word: number for number, word in enumerate(words)}
    assert wordpieces("Unaffable, a", vocabulary) == [0, 5, 6]
    del vocabulary["unaf"]
    assert wordpieces("Unaffable, a", vocabulary) == [1, 2, 3, 5, 6]


def test_bytes_of_a_short_file_begin_and_end_the_features():
    found = features(b"  abc\n")
    assert found[:4].tolist() == [97, 98, 99, 10]
    assert found[-3:].tolist() == [97, 98, 99]
    assert (found[6:-5] == 256).all()
    assert found.shape == (2048,)


@pytest.mark.deep
def test_sentences_differ_and_are_the_same_again():
    assert sentences(20, rng()) == sentences(20, rng())
    assert len(set(sentences(50, rng()))) == 50


@pytest.mark.parametrize("make", [
    lambda: line("Some words", 320, 48, rng()),
    lambda: page(["Some words", "and more"], 160, rng()),
])  # fmt: skip
def test_rendered_text_is_dark_on_light(make):
    found = make()
    assert found.dtype == np.float32
    assert -1 <= found.min() < -0.2 < 0.2 < np.median(found) <= found.max() <= 1


def test_sound_has_loud_and_quiet_parts():
    found = speech_like(4.0, rng())
    loud = np.abs(found[: 4 * 16000].reshape(-1, 1600)).max(1)
    assert loud.max() > 5 * loud.min()
    assert np.isfinite(found).all()


def test_pictures_are_enlarged_in_three_channels():
    assert enlarged(torch.rand(2, 1, 28, 28), 64).shape == (2, 3, 64, 64)


def test_a_scene_says_where_its_garments_are():
    garments = Split({"image": np.ones((3, 1, 28, 28), np.float32)}, np.array([4, 4, 4]))
    scenes, cells, boxes = _scenes(garments, 8, rng())
    for scene, classes, places in zip(scenes, cells, boxes, strict=True):
        rows, columns = np.nonzero(classes == 4)
        assert 1 <= len(rows) <= 5
        for row, column in zip(rows, columns, strict=True):
            x, y = (16 * (at + off) for at, off in zip((column, row), places[:2, row, column],
                                                       strict=True))  # fmt: skip
            assert scene[0, int(y), int(x)] == pytest.approx(1.0)
