"""What a shell offers: names that begin as what is typed, of the place in which it stands."""

import pytest
from click.shell_completion import ShellComplete

from xgrad.cli import main


def offered(text):
    """The words offered after `xgrad TEXT`, whose last word is being typed."""
    *before, last = text.split(" ")
    found = ShellComplete(main, {}, "xgrad", "_XGRAD_COMPLETE").get_completions(before, last)
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize(
    ("typed", "among"),
    [
        ("run tsn", ["tsne_kl"]),
        ("explain tsn", ["tsne_kl"]),
        ("explain tsne_kl grad", ["gradient"]),
        ("run --operator h", ["hessian", "hvp"]),
        ("explain tsne_kl gradient numpy.f", ["numpy.formula"]),
        ("run --method torch.rev", ["torch.reverse", "torch.reverse:compiled"]),
        ("run --method numpy.formula,jax.rev", ["numpy.formula,jax.reverse"]),
        ("census torch --dtype bf", ["bfloat16"]),
        ("guide tor", ["torch-kernel"]),
    ],
)
def test_names_are_offered_where_they_stand(typed, among):
    found = offered(typed)
    assert set(among) <= set(found)
    assert all(word.startswith(typed.split(" ")[-1]) for word in found)


def test_nothing_that_does_not_begin_so_is_offered():
    assert offered("run --dtype int") == []
    assert offered("guide zzz") == []
