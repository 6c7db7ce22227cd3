"""Words of the field that say what they mean where they stand: on hover, and on focus.

`st.markdown(explained("A [[recipe]] ..."), unsafe_allow_html=True)`; `term("recipe")` is one word.
"""

from html import escape

from optim.learning.glossary import find_term, replaced

STYLE = """<style>
.term {position: relative; border-bottom: 1px dotted currentColor; cursor: help}
.term .says {
  display: none; position: absolute; left: 0; top: 1.7em; z-index: 1000; width: max-content;
  max-width: 19rem; padding: 0.5rem 0.75rem; border-radius: 6px; border: 1px solid #5b6b7c;
  background: #1b2430; color: #ffffff; font-size: 0.85rem; font-weight: 400; line-height: 1.4;
  white-space: normal;
}
.term:hover .says, .term:focus .says {display: block !important}
.term:focus-visible {outline: 2px solid currentColor; outline-offset: 2px}
</style>"""
"""Once on every page."""


def term(word: str, shown: str = "") -> str:
    """A word as HTML that shows what it means. Raises InputError where the glossary has it not.

    Args:
        shown: the word as it stands in its sentence.
    """
    says = escape(find_term(word).says)
    return (
        f'<span class="term" tabindex="0">{escape(shown or word)}'
        f'<span class="says" role="tooltip" hidden>{says}</span></span>'
    )


def explained(text: str) -> str:
    """Markdown with every `[[word]]` as a term; other HTML in it is shown as it is written."""
    return replaced(text.replace("<", "&lt;"), term)
