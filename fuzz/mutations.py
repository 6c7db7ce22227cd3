"""Ways to spoil a file: its bytes, its fields, its words, and the members of an archive.

Each takes the bytes of a sound file and a source of chance, and gives other bytes. Which are tried
depends on the seed alone.
"""

import io
import random
import re
import struct
import zipfile
from collections.abc import Callable
from hashlib import sha256

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from onnx import ModelProto

ESCAPED = "fuzz-escaped"
"""What files outside would be called: nobody else makes such."""
MANIFEST = "MANIFEST"
_NUMBERS = (0, 1, -1, 2, 7, 255, 2**31 - 1, -(2**31), 2**40, 2**63 - 1, -(2**63))
_FLOATS = (0.0, -1.0, 1e-45, 1e38, float("nan"), float("inf"))
_TEXTS = (
    *("", "x" * 5000, "\x00", "\ud7ff\U0001f600", "a\nb", "%s%n", "${HOME}", "__import__('os')"),
    *(f"../{ESCAPED}", f"../../../{ESCAPED}", f"/tmp/{ESCAPED}", "C:\\x", "..", "."),
    *("&a [*a]", "!!python/object/apply:os.system ['true']", "1e999", "[" * 400, "{" * 400),
)
_LONGEST = 4_000_000
Mutation = Callable[[bytes, random.Random], bytes]


def flipped(data: bytes, chance: random.Random) -> bytes:
    """Some bits turned."""
    spoiled = bytearray(data)
    for _ in range(chance.choice((1, 1, 3, 20))):
        spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


def cut(data: bytes, chance: random.Random) -> bytes:
    """Its end, or a piece of it, missing."""
    a, b = sorted(chance.randrange(len(data)) for _ in range(2))
    return data[:a] if chance.random() < 0.5 else data[:a] + data[b:]


def repeated(data: bytes, chance: random.Random) -> bytes:
    """A piece of it many times over."""
    start = chance.randrange(len(data))
    piece = data[start : start + chance.randrange(1, 200)]
    return (data[:start] + piece * chance.choice((2, 10, 500)) + data[start:])[:_LONGEST]


def overwritten(data: bytes, chance: random.Random) -> bytes:
    """A number of eight bytes written over it."""
    number = struct.pack("<q", chance.choice(_NUMBERS))
    start = chance.randrange(max(1, len(data) - len(number)))
    return data[:start] + number + data[start + len(number) :]


def reworded(data: bytes, chance: random.Random) -> bytes:
    """A word or a number of a text in place of another."""
    text = data.decode("utf-8", "surrogateescape")
    words = [*re.finditer(r"[A-Za-z_][\w.]*|-?\d+(?:\.\d+)?", text)]
    if not words:
        return flipped(data, chance)
    for _ in range(chance.choice((1, 1, 4))):
        found = chance.choice(words)
        other = chance.choice((chance.choice(words)[0], chance.choice(_TEXTS), _a_number(chance)))
        text = text.replace(found[0], other, chance.choice((1, -1)))
    return text.encode("utf-8", "surrogateescape")[:_LONGEST]


def _a_number(chance: random.Random) -> str:
    return str(chance.choice((*_NUMBERS, *_FLOATS)))


def fields_changed(data: bytes, chance: random.Random) -> bytes:
    """An ONNX model with some fields changed, dropped or doubled, wherever in it."""
    proto = ModelProto.FromString(data)
    for _ in range(chance.choice((1, 1, 2, 6))):
        _change_field(proto, chance)
    return bytes(proto.SerializeToString())


def _change_field(proto: Message, chance: random.Random) -> None:
    holders = [*_messages(proto)]
    message = chance.choice(holders)
    field = chance.choice(message.DESCRIPTOR.fields)
    old = getattr(message, field.name)
    if not field.is_repeated:
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            setattr(message, field.name, _value(field, chance))
        elif chance.random() < 0.3:
            message.ClearField(field.name)
    elif len(old) and chance.random() < 0.4:
        del old[chance.randrange(len(old))]
    elif field.type != FieldDescriptor.TYPE_MESSAGE:
        old.append(_value(field, chance))
    elif len(old):
        old.add().CopyFrom(chance.choice([*old]))


def _messages(message: Message) -> list[Message]:
    found = [message]
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for one in value if field.is_repeated else [value]:
                found += _messages(one)
    return found


def _value(field: FieldDescriptor, chance: random.Random) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            text = chance.choice(_TEXTS)
            return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return chance.choice(_FLOATS)
        case FieldDescriptor.CPPTYPE_INT64:
            return chance.choice(_NUMBERS)
        case FieldDescriptor.CPPTYPE_UINT64:
            return abs(chance.choice(_NUMBERS))
        case FieldDescriptor.CPPTYPE_ENUM:
            return chance.choice(field.enum_type.values).number
    return chance.choice([n for n in _NUMBERS if abs(n) < 2**31 and n >= 0])


def member_changed(data: bytes, chance: random.Random, signed: bool = False) -> bytes:
    """An archive with one member spoiled, doubled, dropped, or under another name.

    Args:
        signed: the MANIFEST says the new hashes, as whoever forges a bundle would see to.
    """
    members = _members(data)
    name = chance.choice([name for name, _ in members if not signed or name != MANIFEST])
    how = chance.choice(("spoil", "spoil", "spoil", "rename", "drop", "double"))
    changed: list[tuple[str, bytes]] = []
    for member, content in members:
        if member != name:
            changed.append((member, content))
        elif how == "rename":
            changed.append((_renamed(name, chance), content))
        elif how == "double":
            changed += [(member, content)] * 2
        elif how == "spoil":
            changed.append((member, _spoiled_member(content, chance)))
    return _zipped(_signed(changed) if signed else changed)


def _spoiled_member(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return b"x"
    text = content[:400].isascii()
    ways = (reworded, reworded, flipped) if text else (flipped, cut, overwritten)
    return chance.choice((*ways, repeated))(content, chance)


def _renamed(name: str, chance: random.Random) -> str:
    odd = (f"../{ESCAPED}", f"/tmp/{ESCAPED}", f"a/../../{ESCAPED}", name.upper(), f"{name}/", "x")
    return chance.choice((*odd, f"{name}\x00.txt", "n" * 300, name.replace("/", "\\")))


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def _zipped(members: list[tuple[str, bytes]]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members:
            with archive.open(zipfile.ZipInfo(name), "w") as sink:
                sink.write(content)
    return made.getvalue()


def _signed(members: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    listed = [(name, content) for name, content in members if name != MANIFEST]
    lines = [f"{sha256(content).hexdigest()}  {name}" for name, content in listed]
    return [*listed, (MANIFEST, "\n".join([*lines, ""]).encode("utf-8", "replace"))]


def forged(data: bytes, chance: random.Random) -> bytes:
    """A bundle with one member spoiled, and a MANIFEST to suit."""
    return member_changed(data, chance, signed=True)


BYTES: tuple[Mutation, ...] = (flipped, cut, repeated, overwritten)
