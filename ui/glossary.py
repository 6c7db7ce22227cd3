"""Words of the field that say what they mean where they stand: on hover, and on focus.

`st.markdown(explained("A [[recipe]] ..."), unsafe_allow_html=True)`; `term("recipe")` is one word.
"""

from html import escape

from optim.learning.glossary import find_term, replaced


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
