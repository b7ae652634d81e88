"""The techniques: which run, by which patterns, and what they are called."""

import pytest

from xgrad.errors import UsageError
from xgrad.techniques import Method, choose_methods, require_methods, techniques

# patterns: what they choose among, and what they leave out
CHOICES = [
    (None, "numpy.formula torch.reverse torch.reverse:func torch.reverse:F.square jax.forward "
           "torch.formula:library numpy.differences:central@1e-4 numpy.complex_step",
     "torch.reverse:compiled torch.formula:naive numpy.differences:forward ball.differences "
     "jax.reverse:F.square numpy.formula:library jax.formula torch.forward:twice"),
    (("torch.*",), "torch.reverse torch.forward torch.formula torch.reverse:F.square",
     "torch.reverse:compiled torch.reverse:ones torch.formula:naive jax.reverse "
     "torch.differences:central"),
    (("torch.reverse:*",), "torch.reverse:compiled torch.reverse:ones torch.reverse:func",
     "torch.reverse torch.forward"),
    (("*.formula",), "numpy.formula torch.formula jax.formula ball.formula",
     "numpy.formula:naive torch.reverse"),
    (("*.formula:naive",), "numpy.formula:naive ball.formula:naive", "numpy.formula"),
    (("*:central@1e-3",), "numpy.differences:central@1e-3 torch.differences:central@1e-3",
     "numpy.differences:forward@1e-3 torch.reverse:compiled@1e-3"),
    (("ball.*",), "ball.differences ball.formula", "numpy.formula ball.formula:naive"),
    (("numpy.formula", "numpy.*"), "numpy.formula numpy.complex_step", "torch.formula"),
]  # fmt: skip


@pytest.mark.parametrize(("patterns", "inside", "outside"), CHOICES)
def test_a_pattern_chooses_its_methods_and_leaves_unusual_ones_out(case, patterns, inside, outside):
    chosen = [str(m) for m in choose_methods(case, patterns)]
    assert len(chosen) == len(set(chosen))
    assert set(inside.split()) <= set(chosen)
    assert not set(outside.split()) & set(chosen)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("torch.revers", r"unknown method 'torch.revers': did you mean 'torch.reverse'"),
        ("*.formula:nave", "unknown method"),
        ("numpy.differences:central@", "takes no step|positive number|unknown step"),
        ("numpy.differences:central@abc", "a step is a positive number"),
        ("numpy.differences:central@-1e-4", "a step is a positive number"),
        ("numpy.differences:central@inf", "a step is a positive number"),
        ("numpy.differences:forward@nan", "a step is a positive number"),
        ("torch.reverse@1e-4", r"torch.reverse takes no step; these do: .*:central@1e-4"),
        ("numpy.differences@1e-4", "takes no step; these do: numpy.differences:forward@1e-4"),
    ],
)
def test_a_pattern_that_no_method_has_is_an_error_with_the_remedy(case, pattern, message):
    with pytest.raises(UsageError, match=message):
        require_methods([case], (pattern,))


def test_patterns_that_some_method_has_pass(case):
    fine = ("torch.*", "*.formula:naive", "*@1e-3", "numpy.differences:forward@0.5", "*:F.square")
    require_methods([case], fine)


def test_a_method_knows_its_label_and_family():
    method = Method("numpy", "differences", "central@1e-4")
    assert str(method) == "numpy.differences:central@1e-4"
    assert method.label == "differences:central@1e-4"
    assert method.family == "numpy.differences:central"
    assert str(Method("torch", "reverse")) == "torch.reverse"


def test_every_technique_says_in_one_sentence_what_it_is():
    for name, technique in techniques().items():
        assert technique.name == name
        assert type(technique).__doc__.endswith(".")
