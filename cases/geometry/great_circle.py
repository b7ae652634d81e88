"""Great-circle distances by the haversine formula."""

import xgrad


@xgrad.case(
    wrt="here",
    sizes={"small": {"n": 10}, "medium": {"n": 200}, "large": {"n": 2_000}},
    source="Sinnott 1984, Virtues of the haversine, Sky and Telescope 68(2), 159",
)
def great_circle_distance(xp, here, there):  # here (2,), there (n, 2) -> (n,)
    """2 asin √h, h = sin²(Δφ/2) + cos φ cos φ_i sin²(Δλ/2), latitude φ and longitude λ."""
    return 2 * xp.asin(xp.sqrt(haversine(xp, here, there)))


def haversine(xp, here, there):
    """h of the central angle: (n,)."""
    half = (there - here) / 2
    crossed = xp.cos(here[0]) * xp.cos(there[:, 0])
    return xp.sin(half[:, 0]) ** 2 + crossed * xp.sin(half[:, 1]) ** 2


@great_circle_distance.inputs
def draw(rng, n):
    """Places neither next to here nor near its antipode."""
    here = rng.uniform(-0.5, 0.5, size=2)
    away = rng.uniform(0.2, 1, size=(n, 2)) * rng.choice([-1, 1], size=(n, 2))
    return {"here": here, "there": here + away}


@great_circle_distance.formula("jacobian")
def bearings(xp, here, there):
    """h′ / √(h (1−h)), h′ = −(½ sin Δφ + sin φ cos φ_i sin²(Δλ/2), ½ cos φ cos φ_i sin Δλ)."""
    h = haversine(xp, here, there)
    step = there - here
    far = xp.cos(there[:, 0])
    north = xp.sin(step[:, 0]) / 2 + xp.sin(here[0]) * far * xp.sin(step[:, 1] / 2) ** 2
    east = xp.cos(here[0]) * far * xp.sin(step[:, 1]) / 2
    return -xp.stack([north, east], axis=-1) / xp.sqrt(h * (1 - h))[:, None]
