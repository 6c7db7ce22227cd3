"""Token ids that come with a vocabulary are read as words."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from support.study_tools import use_home
from support.why_cases import embedded

from optim.errors import InputError
from optim.evalset import load_evalset
from optim.evalset.wording import worded
from optim.ingest import ingest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["<pad>", "the", "film", "was", "good"], "the film was good"),
        (["[PAD]", "the", "fil", "##m", "##s"], "the films"),
        (["<pad>", "▁the", "▁fil", "m", "s"], "the films"),
        (["<pad>", "the"], "the ? ? ?"),
    ],
)
def test_pieces_are_joined_and_padding_is_left_out(words: list[str], said: str) -> None:
    ids = np.array([[[1, 2, 3, 4, 0, 0, 0]]])
    text = worded(np.array(words), {"mask": np.zeros((1, 1), np.int64), "ids": ids})[0]
    assert text.removesuffix(words[0]).strip() == said


def test_a_sample_is_described_by_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(tmp_path / "home", monkeypatch)
    onnx.save(embedded(8), tmp_path / "model.onnx")
    ids = np.tile(np.array([3, 1, 2, 2, 2, 2, 2, 2]), (12, 1, 1))
    words = np.array(["a", "b", "-", "hello"])
    np.savez(tmp_path / "evalset.npz", x=ids, vocabulary=words)
    model = ingest(tmp_path / "model.onnx", evalset=tmp_path / "evalset.npz")
    evalset = load_evalset(tmp_path / "evalset.npz", model)
    assert evalset.described and evalset.texts("validation", 1) == ["hello b -"]


@pytest.mark.parametrize(
    ("vocabulary", "x", "said"),
    [
        (np.zeros(3), np.zeros((2, 1, 4), int), "Give one word per token id"),
        (np.array(["a"]), np.zeros((2, 1, 4)), "Leave it out"),
    ],
)
def test_what_is_no_vocabulary_is_refused(vocabulary: np.ndarray, x: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        worded(vocabulary, {"x": x})
