"""Text of strangers: plain values within bounds, everything else one sentence."""

import pytest

from optim.errors import InputError
from optim.reading import from_json, from_yaml


def test_plain_values_are_read() -> None:
    assert from_yaml("a: [1, 2.5, true, null, text]") == {"a": [1, 2.5, True, None, "text"]}
    assert from_json(b'{"a": [1, 2.5, true, null, "text"]}') == from_yaml(
        "a: [1, 2.5, true, null, text]"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x", "aliases or anchors"),
        ("a: &x 1", "aliases or anchors"),
        ("a: !!int ''", "uses tags"),
        ("!!map [1]", "uses tags"),
        ("a: !!python/object/apply:os.system ['x']", "uses tags"),
        ("[" * 100 + "]" * 100, "nested too deeply"),
        ("a: 1\na: 2", "a key stands twice"),
        ("a: 0x" + "f" * 100, "64 bits"),
        ("a: " + "9" * 10_000, "a number or a date that is none"),
        ("1: 2", "keys that are no text"),
        ("a: 2020-01-01", "no plain value"),
        ("a: !!python/name:os.system x", "uses tags"),
        ("a: !!binary aGVsbG8=", "uses tags"),
        ("[" + "1," * 30_000 + "]", "too many values"),
        ("x" * 100_001, "larger than"),
        ("{", "not plain YAML"),
    ],
)
def test_yaml_beyond_bounds_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_yaml(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('["\\ud800"]', "lone surrogate"),
        ('{"\\udfff": 1}', "lone surrogate"),
        ("[" * 40 + "]" * 40, "nested too deeply"),
        ('{"a": 1, "a": 2}', "a key stands twice"),
        ('{"a": %s}' % ("9" * 100), "64 bits"),
        ('{"a": %s}' % ("9" * 10_000), "not JSON"),
        ("[" + "1," * 400_001 + "1]", "values"),
        ("\ud800", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_json_beyond_bounds_is_refused(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        from_json(text.encode(errors="surrogatepass"))
