"""What a report is made of: sections of HTML, and the scripts in them that a browser may run."""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2733; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } code { overflow-wrap: anywhere; }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; } .note { color: #5b6875; }
"""
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)  # as Plotly writes it: "<" is escaped


@dataclass(frozen=True)
class Part:
    """A piece of the page, and the scripts that are in it."""

    html: str
    scripts: tuple[str, ...] = ()


def _policy(scripts: Iterable[str]) -> str:
    """A browser runs these scripts only, whatever else has got into the page, and loads nothing."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def whole_page(title: str, parts: Sequence[Part], style: str = "") -> str:
    """The page; it loads nothing from elsewhere.

    Args:
        title: escaped.
        style: more of the style sheet.
    """
    content = "".join(part.html for part in parts)
    scripts = [get_plotlyjs(), *(script for part in parts for script in part.scripts)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_policy(scripts)}'
        f"<title>{title}</title><style>{_STYLE}{style}</style><script>{scripts[0]}</script></head>"
        f"<body>{content}</body></html>"
    )


def section(title: str, content: str | Part, note: str = "") -> Part:
    """A piece with a heading."""
    part = Part(content) if isinstance(content, str) else content
    return Part(f"<h2>{escape(title)}</h2>{part.html}{note}", part.scripts)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of a name, its value, and a note if there is one; empty without rows."""
    return f"<table>{''.join(map(_row, rows))}</table>" if rows else ""


def _row(cells: Sequence[str]) -> str:
    name, value, *notes = map(escape, cells)
    note = "".join(f' <span class="note">{note}</span>' for note in notes if note)
    return f"<tr><th>{name}</th><td>{value}{note}</td></tr>"


def on_paper(figure: go.Figure) -> go.Figure:
    """A figure in the colours of a page that is white."""
    return figure.update_layout(template="plotly_white")


def drawn(figure: go.Figure, name: str) -> Part:
    """A figure as a piece of the page, under a name of its own."""
    config = {"displaylogo": False, "responsive": True}
    html = figure.to_html(full_html=False, include_plotlyjs=False, config=config, div_id=name)
    return Part(html, tuple(_SCRIPT.findall(html)))
