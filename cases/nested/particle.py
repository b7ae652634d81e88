"""A charged particle between two charges: where it lands, as one of them is moved."""

import numpy as np

import xgrad

STEP = 1 / 8


@xgrad.case(
    wrt="w",
    sizes={"small": {"steps": 8}, "medium": {"steps": 64}, "large": {"steps": 256}},
    operators=("gradient", "hessian"),
    source="Siskind & Pearlmutter 2008, Using polyvariant union-free flow analysis to compile a "
    "higher-order functional-programming language with a first-class derivative operator to "
    "efficient Fortran-like code, Purdue TR-ECE-08-01, the example particle; GradBench, particle",
)
def particle(xp, w, start, steps):  # w (), start (4,) -> ()
    """E = x² where it meets y = 0, after Euler steps of x″ = −∇p and a straight line at the end."""
    place, speed = start[:2], start[2:]
    for _ in range(steps):
        force = -xp.gradient(potential)(place, w)
        place, speed = place + STEP * speed, speed + STEP * force
    landing = place[0] - place[1] / speed[1] * speed[0]
    return landing * landing


def charges(xp, w):
    """At (10, 10 − w) and (10, 0)."""
    ten, zero = xp.asarray(10.0), xp.asarray(0.0)
    return xp.stack([xp.stack([ten, ten - w]), xp.stack([ten, zero])])


def potential(xp, place, w):
    """p = Σ 1 / |place − charge|."""
    apart = place - charges(xp, w)
    return xp.sum(1 / xp.sqrt(xp.sum(apart * apart, axis=1)))


@particle.inputs
def draw(rng, steps):
    place, speed = rng.uniform([0, 6], [2, 8]), rng.uniform([0.5, -1.5], [1, -0.5])
    return {"w": rng.uniform(0, 2), "start": np.concatenate([place, speed]), "steps": steps}


@particle.formula("gradient")
def gradient(xp, w, start, steps):
    """The same steps on the derivative of the path, through the Hessian of the potential."""
    zero, down = xp.zeros((2,)), xp.stack([xp.asarray(0.0), xp.asarray(-1.0)])
    place, speed, place_w, speed_w = start[:2], start[2:], zero, zero
    for _ in range(steps):
        apart = place - charges(xp, w)
        moved = xp.stack([place_w - down, place_w])
        r = xp.sqrt(xp.sum(apart * apart, axis=1, keepdims=True))
        along = xp.sum(apart * moved, axis=1, keepdims=True)
        force = xp.sum(apart / r**3, axis=0)
        force_w = xp.sum(moved / r**3 - 3 * apart * along / r**5, axis=0)
        place, speed = place + STEP * speed, speed + STEP * force
        place_w, speed_w = place_w + STEP * speed_w, speed_w + STEP * force_w
    time = -place[1] / speed[1]
    time_w = -(place_w[1] + time * speed_w[1]) / speed[1]
    landing = place[0] + time * speed[0]
    return 2 * landing * (place_w[0] + time_w * speed[0] + time * speed_w[0])
