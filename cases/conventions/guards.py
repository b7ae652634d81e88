"""Guards against NaN: a branch that is not taken can still spoil the derivative."""

import numpy as np

import xgrad

SOURCE = "https://docs.jax.dev/en/latest/faq.html, gradients contain NaN where using where"
NEVER = float("-inf")


def at(**inputs):
    """A point function that returns these inputs as float arrays."""
    return lambda: {k: np.asarray(v, dtype=float) for k, v in inputs.items()}


@xgrad.case(wrt="x", source=SOURCE)
def sinc(xp, x):  # x () -> ()
    """sin x / x with where at 0: smooth, the derivative is 0; the other branch is 0 / 0."""
    return xp.where(x == 0, xp.ones_like(x), xp.sin(x) / x)


sinc.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source=SOURCE)
def guarded_sinc(xp, x):  # x () -> ()
    """The same with a safe divisor: two guards, and no NaN."""
    safe = xp.where(x == 0, xp.ones_like(x), x)
    return xp.where(x == 0, xp.ones_like(x), xp.sin(safe) / safe)


guarded_sinc.point("zero")(at(x=0.0))


@xgrad.case(wrt="x", source=SOURCE)
def guarded_root(xp, x):  # x () -> ()
    """√x where x > 0, else 0, at a negative point: the derivative is 0."""
    return xp.where(x > 0, xp.sqrt(x), xp.zeros_like(x))


guarded_root.point("negative")(at(x=-1.0))


@xgrad.case(wrt="x", source=SOURCE)
def guarded_log(xp, x):  # x () -> ()
    """log x where x > 0, else 0, at a negative point: the derivative is 0."""
    return xp.where(x > 0, xp.log(x), xp.zeros_like(x))


guarded_log.point("negative")(at(x=-1.0))


@xgrad.case(wrt="x", source="Higham & Blanchard 2021, IMA J. Numer. Anal. 41(4), log-sum-exp")
def masked_softmax(xp, x, mask):  # x (n,), mask (n,) -> ()
    """The first softmax weight with one score masked by −∞: smooth in the others."""
    return xp.softmax(xp.where(mask > 0, x, xp.full(x.shape, NEVER)), axis=-1)[0]


masked_softmax.point("one masked")(at(x=[1.0, 2.0, 3.0], mask=[1.0, 1.0, 0.0]))


@xgrad.case(wrt="x", source="Higham & Blanchard 2021, IMA J. Numer. Anal. 41(4), log-sum-exp")
def logsumexp_with_never(xp, x):  # x (n,) -> ()
    """log Σ exp with one −∞ joined: its share of the derivative is 0."""
    return xp.logsumexp(xp.concat([x, xp.full((1,), NEVER)]))


logsumexp_with_never.point("joined")(at(x=[1.0, 2.0]))


@xgrad.case(wrt="x", source="Higham & Blanchard 2021, IMA J. Numer. Anal. 41(4), log-sum-exp")
def logaddexp_with_never(xp, x):  # x () -> ()
    """log(exp x + exp −∞) = x: the derivative is 1."""
    return xp.logaddexp(x, xp.full((), NEVER))


logaddexp_with_never.point("joined")(at(x=1.0))


@xgrad.case(wrt="x", source="Goldberg 1991, ACM Computing Surveys 23(1), section 1.4")
def softplus_far_out(xp, x):  # x () -> ()
    """log(1 + exp x) written plainly at x = 100: the derivative is 1; exp overflows in float32."""
    return xp.log(1 + xp.exp(x))


softplus_far_out.point("hundred")(at(x=100.0))

BRANCH = "the branch that is not taken gives 0 · NaN on the way back: guard its argument too"
sinc.known("*.reverse", BRANCH)
sinc.known("torch.reverse:func", BRANCH)
guarded_root.known("*.reverse", BRANCH)
guarded_root.known("torch.reverse:func", BRANCH)

OVERFLOW = "exp(100) is infinite in float32, and ∞ / ∞ is NaN: use xp.softplus"
for _method in ("*.reverse", "torch.reverse:func", "*.forward", "numpy.complex_step"):
    softplus_far_out.known(_method, OVERFLOW, dtype="float32")
