"""Forms in which people write boxes, and the corners that they mean."""

import re
from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.metrics.support.boxes import NO_CLASS

Order = Literal["xyxy", "cxcywh", "xywh", "yxyx"]
ORDERS: tuple[Order, ...] = ("xyxy", "cxcywh", "xywh", "yxyx")
_SPELLING = re.compile(
    r"(?P<order>xyxy|cxcywh|xywh|yxyx)((?P<way>[*/])(?P<width>\d{1,5})x(?P<height>\d{1,5}))?"
)


class BoxForm(BaseModel):
    """What the four numbers of a box are, by torchvision's names, and what they are scaled by.

    Spelled `cxcywh*640x480`: centre and size, as YOLO writes them, in shares of a picture of 640
    by 480; `xywh/640x480`: a corner and the size, as COCO writes them, for a model that answers in
    shares.
    """

    model_config = ConfigDict(frozen=True)

    order: Order = "xyxy"
    scale: str = ""
    """`*640x480`, `/640x480` or nothing."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read the spelling; None for what is none."""
        found = _SPELLING.fullmatch(text)
        if not found or 0 in (int(found["width"] or 1), int(found["height"] or 1)):
            return None
        return cls.model_validate({"order": found["order"], "scale": text[len(found["order"]) :]})

    @property
    def spelling(self) -> str:
        """The text form."""
        return self.order + self.scale

    def corners(self, boxes: Array) -> Array:
        """The two corners [..., 4] of boxes [..., 4] in this form."""
        first, second = boxes[..., :2], boxes[..., 2:]
        if self.order == "cxcywh":
            first, second = first - second / 2, first + second / 2
        elif self.order == "xywh":
            second = first + second
        elif self.order == "yxyx":
            first, second = first[..., ::-1], second[..., ::-1]
        return np.concatenate([first, second], axis=-1) * self._factors()

    def of_labels(self, labels: Array) -> Array:
        """Labels [samples, most, 5 or 6] whose boxes are in this form, with corners."""
        changed = labels.astype(np.float64)
        there = changed[..., 0] > NO_CLASS
        changed[there, 1:5] = self.corners(changed[there, 1:5])
        return changed

    def _factors(self) -> Array:
        if not self.scale:
            return np.ones(4)
        sides = np.array([float(side) for side in self.scale[1:].split("x")] * 2)
        return sides if self.scale[0] == "*" else 1 / sides
