"""What AIMET is told: which values are rounded. `python -m tests.engines adaround_int8` has it do
it."""

from support import pass_models

from optim.passes.adaround_int8 import AdaRoundInt8
from optim.passes.static_int8 import StaticInt8


def test_it_rounds_what_static_int8_rounds() -> None:
    for name in ("cnn", "mlp", "credit"):
        form = AdaRoundInt8().form(pass_models.load(name))
        assert AdaRoundInt8().chosen(form) == StaticInt8().chosen(form) != []


def test_raw_inputs_and_what_products_give_on_stay_floats() -> None:
    form = AdaRoundInt8().form(pass_models.load("mlp"))
    rounded = AdaRoundInt8()._rounded(form)
    made = {name for node in form.graph.node if node.op_type == "Gemm" for name in node.output}
    assert made and not {value.name for value in form.graph.output} & rounded
    assert not AdaRoundInt8()._rounded(pass_models.load("arithmetic"))


def test_what_is_excluded_is_not_rounded() -> None:
    model = pass_models.load("cnn")
    part = AdaRoundInt8(exclude=("second",))
    form = part.form(model)
    spared = next(node for node in form.graph.node if node.name == "second")
    assert spared.input[1] in AdaRoundInt8()._rounded(form)
    assert spared.input[1] not in part._rounded(form)


def test_timed_without_its_training_it_is_as_fast() -> None:
    cheap = AdaRoundInt8(sequential_mse=True).cheaply()
    assert (cheap.steps, cheap.sequential_mse, cheap.most_seconds) == (0, False, 0.0)
