"""Pictures in a zip, read one by one, bounded in bytes and pixels. Runs in a child."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from PIL import Image

from optim.arrays import Array
from optim.errors import OptimError
from optim.evalset import pictures, stored
from optim.evalset.preprocessing import Preprocessing
from optim.model import TensorSpec
from optim.sandbox import directory

_Seen = TypeVar("_Seen")
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
_MAX_FILES = 200_000
_MAX_PIXELS = 64_000_000


def opened(path: str) -> zipfile.ZipFile:
    """The zip file. Raises InputError where it is none."""
    try:
        return directory.opened(Path(path), _MAX_FILES)
    except (OSError, zipfile.BadZipFile):
        name = Path(path).name
        raise stored.fail(f"{name} is not a zip, or it is cut off.", "Zip it again.") from None


def files_in(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Its files."""
    return [member for member in archive.infolist() if not member.is_dir()]


def path_of(member: zipfile.ZipInfo) -> PurePosixPath:
    """Where it lies in the zip."""
    return PurePosixPath(member.filename)


def is_image(path: PurePosixPath) -> bool:
    """Whether this is called as an image, and is none that a system put there."""
    return path.suffix.lower() in SUFFIXES and not is_hidden(path)


def is_hidden(path: PurePosixPath) -> bool:
    """Whether a system put it there."""
    return any(part.startswith((".", "__MACOSX")) for part in path.parts)


def decoded(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, recipe: Preprocessing, spec: TensorSpec
) -> tuple[Array, set[pictures.Done]]:
    """The input for one image, and what was done to the image. Raises InputError."""
    return seen(
        archive, member, lambda it: (recipe.apply(it, spec), pictures.done_to(it, recipe.mode))
    )


def check(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Raise InputError where this is no image that can be read."""
    seen(archive, member, Image.Image.load)


def size_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int]:
    """Width and height of an image as it is meant to be seen. Raises InputError."""
    return seen(archive, member, pictures.upright_size)


def text_of(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """The text of a file. Raises InputError."""
    try:
        return archive.read(member).decode("utf-8-sig", "replace")
    except Exception as error:  # zipfile and its decompressors each have their own kinds
        raise _unread("file", member, error) from None


def seen(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, look: Callable[[Image.Image], _Seen]
) -> _Seen:
    """What is made of one image. Raises InputError."""
    try:
        with Image.open(io.BytesIO(archive.read(member)), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                raise _too_large(member, f"{image.width} x {image.height}")
            return look(image)
    except OptimError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(member, "far too many") from None
    except Exception as error:  # a decoder may raise anything on a damaged file
        raise _unread("image", member, error) from None


def _unread(what: str, member: zipfile.ZipInfo, error: Exception) -> OptimError:
    return stored.fail(
        f"The {what} {member.filename!r} cannot be read ({type(error).__name__}).",
        "Replace or remove it.",
    )


def _too_large(member: zipfile.ZipInfo, count: str) -> OptimError:
    return stored.fail(
        f"The image {member.filename!r} has {count} pixels; "
        f"the limit is {_MAX_PIXELS // 1_000_000} million.",
        "Make it smaller.",
    )
