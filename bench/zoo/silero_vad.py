"""Silero's voice detector (an LSTM), as PyPI's silero-vad ships it."""

import shutil
from pathlib import Path

import numpy as np

from bench.zoo import data
from bench.zoo.base import SEED, Entry, model_file, write_evalset
from optim.arrays import Array

_PACKAGE = "silero-vad==6.2.3"
_RATE, _CHUNK, _CONTEXT = 16_000, 512, 64
_CALIBRATION, _VALIDATION, _STREAM = 200, 800, 100


def speech_like(seconds: float, rng: np.random.Generator) -> Array:
    """Voiced syllables between pauses over noise: pulses of a gliding pitch through two formants.

    It is no speech, but a voice detector answers high on it, and low in the pauses.
    """
    count = int(seconds * _RATE)
    pitch = np.interp(np.arange(count), np.linspace(0, count, 12), rng.uniform(90, 240, 12))
    phase = 2 * np.pi * np.cumsum(pitch) / _RATE
    loud = np.interp(np.arange(count), np.linspace(0, count, int(8 * seconds)),
                     np.clip(rng.normal(0.2, 0.5, int(8 * seconds)), 0, 1))  # fmt: skip
    formants = rng.uniform((300, 900, 2200), (800, 2000, 3000))
    voice = np.zeros(count)
    for harmonic in range(1, 25):
        gain = sum(np.exp(-(((harmonic * pitch - f) / 180) ** 2)) for f in formants)
        voice += gain * np.sin(harmonic * phase)
    sound = 0.25 * loud * voice + rng.normal(0, rng.uniform(0.001, 0.02), count)
    return np.clip(sound, -1, 1).astype(np.float32)


def _stream(path: Path, rng: np.random.Generator) -> tuple[list[Array], list[Array]]:
    """Chunks of one sound, each with the end of the one before, and the states as they arise."""
    import onnxruntime as ort

    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    sound = speech_like(_STREAM * _CHUNK / _RATE, rng)
    padded = np.concatenate([np.zeros(_CONTEXT, np.float32), sound])
    state, chunks, states = np.zeros((2, 1, 128), np.float32), [], []
    for turn in range(_STREAM):
        chunk = padded[None, turn * _CHUNK : (turn + 1) * _CHUNK + _CONTEXT]
        chunks.append(chunk)
        states.append(state)
        _, state = session.run(None, {"input": chunk, "state": state, "sr": np.array(_RATE)})
    return chunks, states


def _make(cache: Path, folder: Path) -> None:
    source = data.wheel(cache, _PACKAGE) / "silero_vad/data/silero_vad_16k_op15.onnx"
    rng = np.random.default_rng(SEED)
    count = _CALIBRATION + _VALIDATION
    streams = [_stream(source, rng) for _ in range(count // _STREAM)]
    chunks, states = (np.stack([one for s in streams for one in s[i]]) for i in (0, 1))
    inputs = {"input": chunks, "state": states, "sr": np.full(count, _RATE, np.int64)}
    write_evalset(folder, inputs, _CALIBRATION)
    shutil.copy(source, model_file(folder))


ENTRY = Entry(
    "silero_vad",
    "Silero's voice detector, real weights, one chunk of 32 ms with its state; 800 chunks of "
    "synthesized speech-like sound, unlabelled: likeness to the original.",
    _make,
)
