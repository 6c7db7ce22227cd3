"""`fashion`: which of ten garments is on a 28x28 photo; a residual CNN (He et al. 2015).

Data: Fashion-MNIST (Zalando, MIT), Debian's package: `apt-get install dataset-fashion-mnist`,
or `--data FOLDER` with the four `*-ubyte.gz` files of github.com/zalandoresearch/fashion-mnist.
Run: `python -m sample_models.fashion.train` (minutes on a GPU, hours on a CPU).
"""

import gzip
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sample_models.common import Array, Data, Sample, Split, main

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
EPOCHS, BATCH, PEAK_LR = 50, 256, 0.4


class Block(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        stride = 1 if inputs == outputs else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride == 2:
            conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """[batch, 1, 28, 28] pixels in [0, 1] -> [batch, 10] logits."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128), blocks: int = 3) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(widths[0])
        inputs = (widths[0], *widths[:-1])
        self.stages = nn.Sequential(
            *(
                Block(i if first else o, o)
                for i, o in zip(inputs, widths, strict=True)
                for first in [True] + [False] * (blocks - 1)
            )
        )
        self.head = nn.Linear(widths[-1], len(CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stages(functional.relu(self.bn(self.stem(x))))
        return self.head(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def read_idx(path: Path) -> Array:
    """An IDX file of unsigned bytes (format: yann.lecun.com/exdb/mnist)."""
    raw = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(raw, ">i4", count=raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)


def load(folder: Path) -> Data:
    def split(prefix: str) -> Split:
        pixels = read_idx(folder / f"{prefix}-images-idx3-ubyte.gz")[:, None]
        labels = read_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")
        return Split({"image": pixels.astype(np.float32) / 255}, labels.astype(np.int64))

    return Data(train=split("train"), test=split("t10k"))


def augment(x: Tensor) -> Tensor:
    """Mirror half the images, shift all by up to two pixels, erase one square in each."""
    x = torch.where(torch.rand(len(x), 1, 1, 1, device=x.device) < 0.5, x.flip(3), x)
    offsets = torch.randint(0, 5, (2, len(x), 1), device=x.device)
    line = torch.arange(28, device=x.device)
    rows, columns = (line + offsets[0])[:, :, None], (line + offsets[1])[:, None, :]
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    x = functional.pad(x, (2, 2, 2, 2))[sample, 0, rows, columns][:, None]
    corner = torch.randint(-4, 28, (2, len(x), 1), device=x.device)
    hit = (line >= corner) & (line < corner + 8)
    return x.masked_fill((hit[0][:, :, None] & hit[1][:, None, :])[:, None], 0.0)


def fit(net: nn.Module, data: Data, device: torch.device) -> None:
    """SGD with a one-cycle rate; nothing is chosen on the test images."""
    x = torch.from_numpy(data.train.inputs["image"]).to(device)
    y = torch.from_numpy(data.train.labels).to(device)
    steps = len(x) // BATCH
    decayed = [p for p in net.parameters() if p.ndim > 1]
    rest = [p for p in net.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=PEAK_LR, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, EPOCHS * steps)
    net.train()
    for epoch in range(EPOCHS):
        order = torch.randperm(len(x), device=device)[: steps * BATCH].view(steps, BATCH)
        total = torch.zeros((), device=device)
        for rows in order:
            with torch.autocast(device.type, torch.bfloat16):
                logits = net(augment(x[rows]))
            loss = functional.cross_entropy(logits.float(), y[rows], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        print(f"fashion epoch {epoch + 1}/{EPOCHS}: training loss {total.item() / steps:.4f}")


def baseline(data: Data) -> dict[str, float]:
    """Nearest class mean, and always the commonest class."""
    pixels = {k: s.inputs["image"].reshape(len(s), -1) for k, s in vars(data).items() if s}
    labels = data.train.labels
    means = np.stack([pixels["train"][labels == c].mean(0) for c in range(len(CLASSES))])
    distance = (means**2).sum(1) - 2 * pixels["test"] @ means.T
    return {
        "nearest class mean": float((distance.argmin(1) == data.test.labels).mean()),
        "always one class": float(np.bincount(data.test.labels).max() / len(data.test)),
    }


SAMPLE = Sample(
    name="fashion",
    metric="top1",
    output="logits",
    classes=CLASSES,
    source=Path("/usr/share/datasets/fashion-mnist"),
    load=load,
    build=lambda data: ResNet(),
    fit=fit,
    baseline=baseline,
    card={
        "title": "Clothing photos",
        "task": "image classification",
        "summary": "A residual CNN says which of ten kinds of clothing a small photo shows.",
        "input": "image: float32 [batch, 1, 28, 28], grey values in [0, 1], white on black",
        "data": "Fashion-MNIST (Zalando Research), Debian package dataset-fashion-mnist",
        "licence": "MIT",
        "training": (
            f"60,000 training images, {EPOCHS} epochs of SGD with mirrored, shifted and partly "
            "erased images, label smoothing 0.1, bfloat16 autocast; no choice made on the test "
            "images. Calibration: drawn from the training images. Validation: the official test "
            "images."
        ),
    },
)

if __name__ == "__main__":
    main(SAMPLE)
