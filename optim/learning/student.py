"""The child's side of distillation: a teacher asked, two students trained, all three judged."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from optim.evalset import evalset_from_digest
from optim.recipe import Recipe

_JUDGED = 2000
_BATCH = 32
_LEARNING_RATE = 2e-3


def teach(path: str, evalset: str, width: int, epochs: int, temperature: float) -> dict[str, Any]:
    """Right answers of both students and the teacher, and on how many each pair differs."""
    torch.set_num_threads(1)
    samples = evalset_from_digest(evalset)
    session = Recipe.baseline().runtime.open(Path(path))
    learn, told = _asked(session, samples.feeds("calibration"))
    judge, answers = _asked(session, samples.feeds("validation", _JUDGED))
    labels = samples.labels("calibration"), samples.labels("validation", _JUDGED)
    truth = torch.from_numpy(np.asarray(labels[1])).long()
    soft = functional.softmax(told / temperature, dim=1)
    hard = functional.one_hot(torch.from_numpy(np.asarray(labels[0])).long(), told.shape[1]).float()
    students = {
        "taught by labels": _trained(learn, hard, width, epochs, 1.0),
        "taught by the teacher": _trained(learn, soft, width, epochs, temperature),
    }
    with torch.no_grad():
        said = {name: student(judge).argmax(1) for name, student in students.items()}
    right = {name: one == truth for name, one in {**said, "the teacher": answers.argmax(1)}.items()}
    by_label, by_teacher, teacher = right.values()
    student = students["taught by labels"]
    return {
        "right": {name: int(one.sum()) for name, one in right.items()},
        "count": len(truth),
        "won": int((by_teacher & ~by_label).sum()),
        "lost": int((by_label & ~by_teacher).sum()),
        "teacher_won": int((teacher & ~by_teacher).sum()),
        "teacher_lost": int((by_teacher & ~teacher).sum()),
        "taught_on": len(learn),
        "parameters": sum(value.numel() for value in student.parameters()),
        "of_teacher": _parameters(path),
    }


def _asked(session: Any, feeds: list[dict[str, np.ndarray]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The first input of every sample, flattened, and the model's first output for it."""
    inputs = np.stack([next(iter(feed.values())).ravel() for feed in feeds]).astype(np.float32)
    outputs = np.stack([next(iter(session.run(feed).values())).ravel() for feed in feeds])
    return torch.from_numpy(inputs), torch.from_numpy(outputs)


def _trained(
    inputs: torch.Tensor, wanted: torch.Tensor, width: int, epochs: int, temperature: float
) -> nn.Module:
    """A student that learnt these probabilities (Hinton et al. 2015), from one fixed start."""
    torch.manual_seed(0)
    student = nn.Sequential(
        nn.Linear(inputs.shape[1], width), nn.ReLU(), nn.Linear(width, wanted.shape[1])
    )
    optimizer = torch.optim.AdamW(student.parameters(), _LEARNING_RATE)
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(_BATCH):
            loss = functional.cross_entropy(student(inputs[rows]) / temperature, wanted[rows])
            optimizer.zero_grad()
            (loss * temperature**2).backward()
            optimizer.step()
    return student


def _parameters(path: str) -> int:
    import onnx

    tensors = onnx.load(path, load_external_data=False).graph.initializer
    return int(sum(np.prod(tensor.dims) for tensor in tensors))
