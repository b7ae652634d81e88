"""Mathematics as docstrings have it, in Unicode, typeset: variables slanted, scripts small."""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup, escape


def _small(kind: str) -> dict[int, str]:
    """The letters that are scripts by themselves, and those that they stand for."""
    found = {}
    for code in range(0x80, 0x2D00):
        said, _, rest = unicodedata.decomposition(chr(code)).partition(" ")
        if said == f"<{kind}>":
            found[code] = "".join(chr(int(c, 16)) for c in rest.split())
    return found


SMALL = {"sub": _small("sub"), "sup": _small("super")}
LOW, HIGH = (f"[{''.join(map(chr, letters))}]+" for letters in SMALL.values())
LETTER = r"[^\W\d_]"
PLAIN = f"(?!{LOW}|{HIGH}){LETTER}"
GROUP = r"\{(?:[^{}\n]|\{[^{}\n]*\})*\}|\([^()\n]*\)"
SCRIPT = rf"[_^](?:{GROUP}|[−+-]?\d*(?:{PLAIN})+\d*|[−+-]?\d+|[¼½¾+−])|{LOW}|{HIGH}"
# What may carry scripts: one or two letters, a word before an index, a function, a number, a sign,
# the end of a bracket; but no part of a name such as log_sum_exp.
WORDS = ("mean", "max", "min", "softmax", "lim", "sup", "inf", "log", "exp", "sin", "cos", "tan")
INDEX = rf"{LETTER}{{1,3}}(?!\w)"
NAMES = rf"(?:{'|'.join(WORDS)})(?!_{LETTER})|{LETTER}+(?=_{INDEX})"
BASE = (
    rf"(?<![^\W\d])(?<!\.)(?:(?:{PLAIN}){{1,2}}(?!_[^\W_]+_)|{NAMES})"
    r"|[^\w\s,;:.]|\d+(?=\^)"
)
TOKEN = re.compile(
    rf"""
      `(?P<code>[^`\n]+)`
    | (?P<base>{BASE})(?P<scripts>(?:{SCRIPT})+)
    | (?P<alone>{LOW}|{HIGH})
    | (?P<letter>(?<![^\W\d])(?<!['’.])(?!(?<=\d)e[−+-]\d)[A-Za-z](?![\w'’]|-{LETTER}|\.\w))
    """,
    re.VERBOSE,
)
SCRIPTS = re.compile(SCRIPT)
ARTICLE = re.compile(rf"\s+{LETTER}{{2}}")
LONGEST = 3  # letters of a script that are indices rather than a word


def typeset(text: str) -> Markup:
    """The text as HTML, escaped: `x_i`, `xⱼ²` and `e^{−r}` with their scripts."""
    made, done = Markup(), 0
    for found in TOKEN.finditer(text):
        made += escape(text[done : found.start()]) + _token(found)
        done = found.end()
    return made + escape(text[done:])


def _token(found: re.Match[str]) -> Markup:
    if found["code"]:
        return Markup("<code>{}</code>").format(found["code"])
    if found["letter"]:
        article = found[0] in "aA" and ARTICLE.match(found.string, found.end())
        return escape(found[0]) if article else _letters(found[0])
    scripts = SCRIPTS.findall(found["scripts"] or found["alone"])
    return Markup("").join([_letters(found["base"] or ""), *map(_script, scripts)])


def _script(text: str) -> Markup:
    tag = "sub" if text[0] == "_" or ord(text[0]) in SMALL["sub"] else "sup"
    inside = text[1:] if text[0] in "_^" else text.translate(SMALL[tag])
    if inside[0] in "{(" and len(inside) > 1:
        inside = inside[1:-1]
    if re.search("[_^]", inside):
        shown = typeset(inside)
    else:
        shown = Markup("").join(map(_letters, re.split(rf"({LETTER}+)", inside)))
    return Markup("<{0}>{1}</{0}>").format(Markup(tag), shown)


def _letters(text: str) -> Markup:
    """A few letters as variables, words and signs as they are."""
    if text.isalpha() and len(text) <= LONGEST and text not in (*WORDS, "Σ", "Π"):
        return Markup("<var>{}</var>").format(text)
    return escape(text)
