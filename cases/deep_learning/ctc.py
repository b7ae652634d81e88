"""Connectionist temporal classification: label sequences that do not say when."""

import numpy as np

import xgrad

NEVER = -1e4  # a log-probability whose exponential is 0 in every float, and finite in float16
SIZES = {
    "small": {"T": 6, "n": 2, "C": 3, "L": 2},
    "medium": {"T": 10, "n": 3, "C": 6, "L": 4},
    "large": {"T": 100, "n": 8, "C": 30, "L": 20},  # logs near −300 cost two digits on the way back
}
GRAVES = (
    "Graves, Fernández, Gomez & Schmidhuber 2006, Connectionist temporal classification, ICML, "
    "section 4"
)


def blanked(xp, labels):
    """Blanks (0) before, between and after the labels: (n, L) -> (n, 2L + 1)."""
    blank = labels - labels
    pairs = xp.reshape(xp.stack([blank, labels], axis=-1), (labels.shape[0], -1))
    return xp.concat([pairs, blank[:, :1]], axis=1)


def emissions(xp, log_p, path):
    """log p_t of every symbol of the path: (T, n, C) -> (T, n, S)."""
    return xp.take_along_axis(log_p, xp.broadcast_to(path, (log_p.shape[0], *path.shape)), axis=2)


def forward(xp, emitted, path):
    """log α_t(s): of all prefixes that are at symbol s at time t. (T, n, S) of (T, n, S)."""
    n, S = path.shape
    never = xp.full((n, 2), NEVER)
    fresh = xp.astype((path[:, 2:] == 0) | (path[:, 2:] == path[:, :-2]), emitted.dtype)
    skip = xp.concat([never, NEVER * fresh], axis=1)  # over a blank between unlike labels

    def step(before, e):
        wide = xp.concat([never, before], axis=1)
        ways = xp.stack([before, wide[:, 1:-1], wide[:, :-2] + skip])
        after = xp.logsumexp(ways, axis=0) + e
        return after, after

    start = xp.concat([xp.zeros((n, 1)), xp.full((n, S - 1), NEVER)], axis=1)
    return xp.scan(step, start, emitted)[1]


def occupied(xp, log_p, labels):
    """−log p(labels) of each sequence, and how likely symbol k is at time t: (T, n, C)."""
    path = blanked(xp, labels)
    e = emissions(xp, log_p, path)
    a = forward(xp, e, path)
    b = xp.flip(forward(xp, xp.flip(e, axis=(0, 2)), xp.flip(path, axis=1)), axis=(0, 2))
    total = xp.logsumexp(a[-1, :, -2:], axis=1)
    symbol = xp.astype(xp.arange(log_p.shape[2]) == path[:, :, None], log_p.dtype)
    return -total, xp.einsum("tns,nsc->tnc", xp.exp(a + b - e - total[:, None]), symbol)


def negative_log_likelihood(xp, log_p, labels):
    """−Σ log p(labels)."""
    path = blanked(xp, labels)
    a = forward(xp, emissions(xp, log_p, path), path)
    return -xp.sum(xp.logsumexp(a[-1, :, -2:], axis=1))


def draw(rng, T, n, C, L):
    """Labels of which the first two are alike, so that a blank must part them."""
    labels = rng.integers(1, C, size=(n, L))
    labels[0, 1] = labels[0, 0]
    return {"Z": rng.normal(size=(T, n, C)), "labels": labels}


@xgrad.case(
    wrt="Z",
    sizes=SIZES,
    operators=("gradient",),
    source=f"{GRAVES}, eq. 16",
)
def ctc_loss(xp, Z, labels):  # Z (T, n, C), labels (n, L) in 1..C-1 -> ()
    """−Σ log p(labels) over all alignments of labels and blanks, p_t = softmax(z_t)."""
    return negative_log_likelihood(xp, xp.log_softmax(Z, axis=-1), labels)


ctc_loss.inputs(draw)


@ctc_loss.formula("gradient")
def gradient(xp, Z, labels):
    """softmax(Z) − p(symbol k at time t | labels), by forward and backward variables."""
    return xp.softmax(Z, axis=-1) - occupied(xp, xp.log_softmax(Z, axis=-1), labels)[1]


@ctc_loss.implementation("torch", name="F.ctc_loss")
def torch_ctc(Z, labels):
    import torch

    return torch_ctc_log_p(torch.log_softmax(Z, dim=-1), labels)


@ctc_loss.implementation("jax", name="optax.ctc_loss")
def optax_ctc(Z, labels):
    import jax.numpy as jnp
    import optax

    logits = jnp.moveaxis(Z, 0, 1)
    none, whole = jnp.zeros(logits.shape[:2], Z.dtype), jnp.zeros(labels.shape, Z.dtype)
    return optax.ctc_loss(logits, none, labels, whole).sum()


@xgrad.case(
    wrt="log_p",
    sizes=SIZES,
    operators=("gradient",),
    source=f"{GRAVES}, eq. 15, with respect to log y",
)
def ctc_loss_log_p(xp, log_p, labels):  # log_p (T, n, C), labels (n, L) in 1..C-1 -> ()
    """−Σ log p(labels) as a function of log-probabilities, none of them tied to the others."""
    return negative_log_likelihood(xp, log_p, labels)


@ctc_loss_log_p.inputs
def draw_log_p(rng, T, n, C, L):
    drawn = draw(rng, T, n, C, L)
    total = np.log(np.sum(np.exp(drawn["Z"]), axis=-1, keepdims=True))
    return {"log_p": drawn["Z"] - total, "labels": drawn["labels"]}


@ctc_loss_log_p.formula("gradient")
def log_p_gradient(xp, log_p, labels):
    """−p(symbol k at time t | labels)."""
    return -occupied(xp, log_p, labels)[1]


@ctc_loss_log_p.implementation("torch", name="F.ctc_loss")
def torch_ctc_log_p(log_p, labels):
    import torch

    T, n, _ = log_p.shape
    times, lengths = torch.full((n,), T), torch.full((n,), labels.shape[1])
    return torch.nn.functional.ctc_loss(log_p, labels, times, lengths, reduction="sum")


ctc_loss_log_p.known(
    "torch.reverse:F.ctc_loss",
    "its backward pass is that of log_softmax followed by the loss, exp(log_p) too much: right "
    "only where log_softmax comes before (https://github.com/pytorch/pytorch/issues/52241)",
)
