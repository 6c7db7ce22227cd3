"""Sections of the document are replaced, the rest of it is left alone."""

from bench.document import written_into

BEGUN = "# Benchmarks\n\nWritten by hand.\n\n## By hand too\n"


def test_a_section_is_added_then_replaced(tmp_path):
    document = tmp_path / "benchmarks.md"
    document.write_text(BEGUN)
    written_into("search", "## Search\n\nfirst", document)
    written_into("peers", "## Peers\n\nothers", document)
    written_into("search", r"## Search" + "\n\n" + r"second \1", document)
    text = document.read_text()
    assert text.startswith(BEGUN.rstrip())
    assert "first" not in text
    assert r"second \1" in text
    assert text.count("## Search") == text.count("## Peers") == 1


def test_the_machine_is_named(tmp_path):
    written_into("search", "## Search\n\nrows", tmp_path / "new.md")
    assert "Measured 20" in (tmp_path / "new.md").read_text()
    assert "ONNX Runtime" in (tmp_path / "new.md").read_text()
