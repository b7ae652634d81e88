"""Mathematics of docstrings as HTML: scripts and variables, and nothing lost or let through."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xgrad.publication.typesetting import SMALL, typeset


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("x_i", "<var>x</var><sub><var>i</var></sub>"),
        ("xⱼ²", "<var>x</var><sub><var>j</var></sub><sup>2</sup>"),
        ("tanh²", "tanh<sup>2</sup>"),
        ("e^{−rT}", "<var>e</var><sup>−<var>rT</var></sup>"),
        ("10000^(−2i / d)", "10000<sup>−2<var>i</var> / <var>d</var></sup>"),
        ("(1 + y)^{−t_k}", "(1 + <var>y</var>)<sup>−<var>t</var><sub><var>k</var></sub></sup>"),
        ("Σ_{i<j}", "Σ<sub><var>i</var>&lt;<var>j</var></sub>"),
        ("softmax_{j≠i}", "softmax<sub><var>j</var>≠<var>i</var></sub>"),
        ("s_winner", "<var>s</var><sub>winner</sub>"),
        ("a point of a", "a point of <var>a</var>"),
        ("2x + 1e-4", "2<var>x</var> + 1e-4"),
        ("log_sum_exp and scipy.linalg.expm_frechet", "log_sum_exp and scipy.linalg.expm_frechet"),
        ("Newton's, e.g. i.e. the x-axis", "Newton&#39;s, e.g. i.e. the x-axis"),
        ("`a_i <b>`", "<code>a_i &lt;b&gt;</code>"),
    ],
)
def test_what_is_a_script_and_what_a_variable(text, wanted):
    assert typeset(text) == wanted


SIGNS = st.sampled_from("_^{}()<>&\"'`−+-0129aexyijΣΠ|·², \n")
SCRIPTS = st.sampled_from([chr(c) for letters in SMALL.values() for c in letters])


@given(st.text(st.one_of(SIGNS, SIGNS, SCRIPTS, st.characters()), max_size=40))
def test_no_sign_is_lost_and_none_is_markup(text):
    left = re.sub(r"</?(?:sub|sup|var|code)>", "", typeset(text))
    assert not set(left) & set("<>\"'")
    assert _bare(html.unescape(left)) == _bare(text)


def _bare(text):
    """Without the signs that mark scripts and code, and scripts as plain letters."""
    marks = dict.fromkeys(map(ord, "_^{}()`"))
    return text.translate(SMALL["sub"]).translate(SMALL["sup"]).translate(marks)
