"""PyTorch files that would do more than compute: nothing of theirs runs, and good ones still do."""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from support.paths import TESTS
from support.torch_files import rewritten
from torch import Tensor, nn

from optim.errors import InputError
from optim.ingest.torch_export import open_pt2
from optim.ingest.torch_files import open_torchscript

MAX_BYTES = 10**8
HEADER = "x: Tensor) -> Tensor:"


class Plus(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1


@torch.jit.interface
class Part(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        pass


class ByInterface(nn.Module):
    part: Part

    def __init__(self) -> None:
        super().__init__()
        self.part = Plus()

    def forward(self, x: Tensor) -> Tensor:
        return self.part.forward(x)


@pytest.fixture
def flag(tmp_path: Path) -> Iterator[Path]:
    """A file that an attack writes where it succeeds."""
    yield tmp_path / "written"
    assert not (tmp_path / "written").exists()


def edited(tmp_path: Path, edit: Callable[[str], str], **more: bytes) -> Path:
    """A TorchScript file with its source changed and records added."""
    torch.jit.script(Plus()).save(tmp_path / "plus.pt")
    path = tmp_path / "edited.pt"
    with zipfile.ZipFile(tmp_path / "plus.pt") as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info)
            if info.filename.endswith(".py"):
                assert HEADER in data.decode()
                data = edit(data.decode()).encode()
            new.writestr(info.filename, data)
        for name, data in more.items():
            new.writestr(f"plus/{name}", data)
    return path


def body(statement: str) -> Callable[[str], str]:
    return lambda text: text.replace(HEADER, f"{HEADER}\n    _9 = {statement}")


def default(value: str) -> Callable[[str], str]:
    return lambda text: text.replace(HEADER, f"x: Tensor,\n    y: Tensor={value}) -> Tensor:")


def in_class(line: str) -> Callable[[str], str]:
    return lambda text: text.replace("  def forward", f"  {line}\n  def forward")


SAVE, MAKE = '(1, "{flag}")', '("{flag}", True, 4)'
ATTACKS = {
    "plain": body(f"torch.save{SAVE}"),
    "spaces": body(f"torch . save{SAVE}"),
    "tab": body(f"torch.\tsave{SAVE}"),
    "operator": body(f"ops . aten . save{SAVE}"),
    "mapped file": body(f"torch.add_(x, torch.from_file{MAKE}[:2])"),
    "behind a carriage return": body(f"1 # \r    _8 = torch.save{SAVE}"),
    "in a branch": body(
        f"torch.sum(x)\n    if bool(_9):\n      _8 = torch . save{SAVE}\n    else:\n      pass"
    ),
    "default argument": default(f"torch.from_file{MAKE}"),
    "default argument, annotated": default(f"annotate(Tensor, torch.from_file{MAKE})"),
    "default argument, inside a constant": default(f"torch.device(str(torch.from_file{MAKE}), 0)"),
    "default argument, as a type": default(f"annotate(torch.from_file{MAKE}, None)"),
    "constant of a class": in_class(f"q : Final[Tensor] = torch.from_file{MAKE}"),
    "assigned in a class": in_class(f"q = torch.from_file{MAKE}"),
    "outside of classes": lambda text: f"q = torch.from_file{MAKE}\n{text}",
    "an expression": lambda text: f"torch.from_file{MAKE}\n{text}",
    "decorator": in_class(f"@torch.from_file{MAKE}"),
    "state": lambda text: (
        f"{text}\n  def __setstate__(self: __torch__.Plus,\n    state: Tuple[int]) -> NoneType:\n"
        f"    _1 = torch . save{SAVE}\n    return None\n"
    ),
    "another function": lambda text: (
        f"def helper(x: Tensor) -> Tensor:\n  _1 = torch . save{SAVE}\n  return x\n"
        + text.replace(HEADER, f"{HEADER}\n    _9 = __torch__.helper(x, )")
    ),
}


NOT_RUN = {"behind a carriage return", "decorator", "state", "default argument, as a type"}
"""Not by this version of PyTorch, as these files are."""


@pytest.mark.parametrize("name", ATTACKS)
def test_a_script_that_does_more_is_refused_and_does_nothing(
    name: str, tmp_path: Path, flag: Path
) -> None:
    path = edited(tmp_path, lambda text: ATTACKS[name](text).replace("{flag}", str(flag)))
    with pytest.raises(InputError) as caught:
        open_torchscript(path, tmp_path, MAX_BYTES)
    assert caught.value.next_step and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attacks_are_real(name: str, tmp_path: Path) -> None:
    """PyTorch itself takes the file, or at least does not refuse it for what it would do."""
    flag = tmp_path / "written"
    path = edited(tmp_path, lambda text: ATTACKS[name](text).replace("{flag}", str(flag)))
    try:
        torch.jit.load(str(path))(torch.ones(2))
    except RuntimeError as error:  # does not compile as it stands: it costs nothing to refuse it
        assert "save" not in str(error).splitlines()[0]
    else:
        assert flag.exists() or name in NOT_RUN


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.part = Plus()

    def forward(self, x: Tensor) -> Tensor:
        return x + 2


def with_part_named(name: str, tmp_path: Path, more: str = "") -> Path:
    """A TorchScript file whose part `part` has another name, with more methods in it."""
    torch.jit.script(Two()).save(tmp_path / "two.pt")
    path = tmp_path / "named.pt"
    with zipfile.ZipFile(tmp_path / "two.pt") as old, zipfile.ZipFile(path, "w") as new:
        for info in old.infolist():
            data = old.read(info).replace(_written("part"), _written(name))
            if info.filename.endswith(".py"):
                data = data.replace(b"  part :", f"  {name} :".encode()) + more.encode()
            new.writestr(info.filename, data)
    return path


def _written(name: str) -> bytes:
    """A name as the pickle of a module has it."""
    return b"X" + len(name).to_bytes(4, "little") + name.encode()


def test_a_part_that_pytorch_takes_for_its_own_is_refused(tmp_path: Path, flag: Path) -> None:
    """PyTorch's wrapper keeps its module as `_c`, and asks it for its `_type` while it loads it."""
    method = f'\n  def _type(self: __torch__.Plus) -> int:\n    _1 = torch.save(1, "{flag}")\n'
    path = with_part_named("_c", tmp_path, f"{method}    return 1\n")
    with pytest.raises(InputError, match="a part named '_c'"):
        open_torchscript(path, tmp_path, MAX_BYTES)
    with pytest.raises(TypeError):
        torch.jit.load(str(path))
    flag.unlink()  # PyTorch itself has run it


@pytest.mark.parametrize("name", ["forward", "_modules", "_forward_hooks", "__class__"])
def test_parts_named_as_something_of_pytorch_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"a part named '{name}'"):
        open_torchscript(with_part_named(name, tmp_path), tmp_path, MAX_BYTES)


@pytest.mark.parametrize("name", ["graph", "eval", "_blocks"])
def test_parts_of_other_names_are_read(name: str, tmp_path: Path) -> None:
    loaded = open_torchscript(with_part_named(name, tmp_path), tmp_path, MAX_BYTES)
    assert torch.equal(loaded(torch.ones(2)), torch.full((2,), 3.0))


def test_an_unknown_record_is_refused(tmp_path: Path) -> None:
    path = edited(tmp_path, str, **{"model.json": b"{}"})
    with pytest.raises(InputError, match=r"record 'plus/model.json', which nobody here knows"):
        open_torchscript(path, tmp_path, MAX_BYTES)


@pytest.mark.parametrize(
    "source", [b"\xff\xfe", b"class A(:", b"(" * 200_000, b"x = " + b"-" * 200_000 + b"1"]
)
def test_source_that_is_none_is_refused(source: bytes, tmp_path: Path) -> None:
    path = edited(tmp_path, str, **{"code/more.py": source})
    with pytest.raises(InputError, match="cannot be read|evaluated"):
        open_torchscript(path, tmp_path, MAX_BYTES)


def test_what_pytorch_quantized_is_called_that(tmp_path: Path) -> None:
    case = TESTS / "cases" / "pt_quantized.pt"
    with pytest.raises(InputError, match="quantized already, by PyTorch.*quantize it here"):
        open_torchscript(case, tmp_path, MAX_BYTES)


class Branches(nn.Module):
    """What scripts are written with: lists, loops, defaults, optional tensors, errors."""

    scale: torch.jit.Final[float]

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.scale = 1e-6

    def helper(self, x: Tensor, most: float = float("inf"), by: tuple[int, int] = (1, 2)) -> Tensor:
        return x.clamp(max=most) / by[0] + self.scale

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        kept: list[Tensor] = []
        for index, layer in enumerate(self.layers):
            x = layer(x).relu()
            if index % 2 == 0:
                kept.append(x)
        if mask is not None:
            x = x * mask
        if x.dim() > 3:
            raise ValueError(f"got {x.dim()} dimensions")
        return self.helper(torch.cat(kept, -1) * x)


GOOD: dict[str, tuple[nn.Module, Tensor]] = {
    "branches": (Branches(), torch.ones(2, 4)),
    "convolutions": (
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU6(), nn.CELU(), nn.Flatten()),
        torch.ones(1, 3, 8, 8),
    ),
    "recurrent": (nn.LSTM(4, 5, 2, bidirectional=True), torch.ones(3, 1, 4)),
    "attention": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.ones(1, 5, 8)),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_modules_compute_what_they_did(name: str, tmp_path: Path) -> None:
    module, example = GOOD[name][0].eval(), GOOD[name][1]
    whole = (
        torch.jit.script(module)
        if name == "branches"
        else torch.jit.trace(module, example, check_trace=False)
    )
    whole.save(tmp_path / "good.pt")
    loaded = open_torchscript(tmp_path / "good.pt", tmp_path, MAX_BYTES)
    leaves = torch.utils._pytree.tree_leaves
    for ours, theirs in zip(leaves(loaded(example)), leaves(module(example)), strict=True):
        torch.testing.assert_close(ours, theirs)


# ---- torch.export ----


def changed(tmp_path: Path, change: Callable[[Any], None]) -> Path:
    torch.export.save(torch.export.export(Plus(), (torch.ones(2),)), tmp_path / "plus.pt2")
    return rewritten(tmp_path / "plus.pt2", tmp_path / "changed.pt2", change)


def _first_node(program: Any) -> Any:
    return program["graph_module"]["graph"]["nodes"][0]


def _operator(program: Any) -> None:
    named = {"name": "other", "arg": {"as_operator": "torch.os.system"}, "kind": 1}
    _first_node(program)["inputs"].append(named)


def _unknown_argument(program: Any) -> None:
    _first_node(program)["inputs"].append({"name": "other", "arg": {"as_code": "1"}, "kind": 1})


def _object(program: Any) -> None:
    held = {"as_custom_obj": {"name": "obj", "class_fqn": "torch.os.system"}}
    _first_node(program)["inputs"].append({"name": "other", "arg": held, "kind": 1})


def _object_as_input(program: Any) -> None:
    held = {"as_custom_obj": {"name": "obj", "class_fqn": "__torch__.torch.classes.a.B"}}
    program["graph_module"]["graph"]["inputs"].append(held)


def _unknown_field(program: Any) -> None:
    _first_node(program)["hook"] = "print"


def _text_for_a_number(program: Any) -> None:
    program["schema_version"]["major"] = "__import__('os')"


def _list_for_a_name(program: Any) -> None:
    _first_node(program)["target"] = ["torch.os.system"]


def _key(program: Any) -> None:
    program["range_constraints"]["s0; import os"] = {"min_val": 1, "max_val": 2}


def _long_name(program: Any) -> None:
    graph = program["graph_module"]["graph"]
    graph["outputs"][0]["as_tensor"]["name"] = "a" * 100_000


def _long_key(program: Any) -> None:
    values = program["graph_module"]["graph"]["tensor_values"]
    values["a" * 100_000] = next(iter(values.values()))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_long_name, "a name of 100,000 letters, 'aaaaaaaaaaaaaaaaaaa…'; most is 1,000"),
        (_long_key, "a name of 100,000 letters"),
        (_operator, "'torch.os.system' as 'as_operator', which could run code"),
        (_unknown_argument, "a field 'as_code', which nobody here knows"),
        (_object, "'torch.os.system' as 'class_fqn', which could run code"),
        (_object_as_input, "as 'class_fqn', which could run code"),
        (_unknown_field, "a field 'hook', which nobody here knows"),
        (_text_for_a_number, "as 'major', which could run code"),
        (_list_for_a_name, "as 'target', which could run code"),
        (_key, "as 'a key of range_constraints', which could run code"),
    ],
)
def test_a_program_of_another_form_is_refused(
    change: Callable[[Any], None], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        open_pt2(changed(tmp_path, change), tmp_path, MAX_BYTES)
    assert said in str(caught.value)


def test_an_unchanged_program_is_read(tmp_path: Path) -> None:
    program = open_pt2(changed(tmp_path, lambda program: None), tmp_path, MAX_BYTES)
    assert torch.equal(program.module()(torch.ones(2)), torch.full((2,), 2.0))


class Named(nn.Module):
    def forward(self, x: Tensor, how: str) -> Tensor:
        return x + 1


@pytest.mark.parametrize("text", ["guards_code", "an input"])
def test_what_pytorch_would_compile_as_a_check_is_forgotten(
    text: str, tmp_path: Path, flag: Path
) -> None:
    """A program that checks its inputs has guards and inputs of text in its source."""
    code, given = f"open({str(flag)!r}, 'w')", (torch.ones(2), "abc")
    torch.export.save(torch.export.export(Named(), given), tmp_path / "net.pt2")

    def change(program: Any) -> None:
        if text == "guards_code":
            program["guards_code"] = [code]
        written = json.dumps(program).replace('"abc"', json.dumps(f"' or {code} or '"))
        program.update(json.loads(written) if text == "an input" else {})

    path = rewritten(tmp_path / "net.pt2", tmp_path / "changed.pt2", change)
    open_pt2(path, tmp_path, MAX_BYTES).run_decompositions()
    assert not flag.exists()
    with suppress(AssertionError, TypeError):
        torch.export.load(str(path)).module()(*given)
    flag.unlink()  # PyTorch itself has run it


def test_a_part_that_is_called_by_an_interface_is_named_as_that(tmp_path: Path) -> None:
    torch.jit.script(ByInterface()).save(tmp_path / "by.pt")
    with pytest.raises(InputError, match="by an interface type"):
        open_torchscript(tmp_path / "by.pt", tmp_path, MAX_BYTES)
