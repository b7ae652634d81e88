"""Area of a polygon and volume of a closed mesh, from their vertices."""

import numpy as np

import xgrad


@xgrad.case(
    wrt="x",
    sizes={"small": {"n": 9}, "medium": {"n": 200}, "large": {"n": 100_000}},
    operators=("gradient", "hvp"),
    source="Braden 1986, The surveyor's area formula, College Mathematics Journal 17, 326-337",
)
def polygon_area(xp, x):  # x (n, 2) -> ()
    """½ Σ (x_i y_{i+1} − x_{i+1} y_i): the shoelace formula."""
    after = xp.roll(x, -1, axis=0)
    return xp.sum(x[:, 0] * after[:, 1] - after[:, 0] * x[:, 1]) / 2


@polygon_area.inputs
def draw_polygon(rng, n):
    """A star around the origin."""
    angle = 2 * np.pi * (np.arange(n) + rng.uniform(-0.3, 0.3, size=n)) / n
    radius = rng.uniform(0.5, 1.5, size=n)[:, None]
    return {"x": radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)}


@polygon_area.formula("gradient")
def outward(xp, x):
    """½ (y_{i+1} − y_{i−1}, x_{i−1} − x_{i+1})."""
    chord = (xp.roll(x, -1, axis=0) - xp.roll(x, 1, axis=0)) / 2
    return xp.stack([chord[:, 1], -chord[:, 0]], axis=-1)


@polygon_area.formula("hvp")
def outward_of_direction(xp, x, v):
    """The gradient at v: the area is quadratic."""
    return outward(xp, v)


@xgrad.case(
    wrt="x",
    sizes={"small": {"side": 3}, "medium": {"side": 10}, "large": {"side": 150}},
    operators=("gradient", "hvp"),
    source="Zhang & Chen 2001, Efficient feature extraction for 2D/3D objects in mesh "
    "representation, Proceedings of ICIP 2001, vol. 3, 935-938",
)
def mesh_volume(xp, x, faces):  # x (n, 3), faces (m, 3) -> ()
    """Σ x_a · (x_b × x_c) / 6 over the triangles: tetrahedra with the origin, signed."""
    return (
        xp.sum(x[faces[:, 0], ...] * xp.linalg.cross(x[faces[:, 1], ...], x[faces[:, 2], ...])) / 6
    )


@mesh_volume.inputs
def draw_torus(rng, side):
    """Vertices near a torus, two triangles in each cell of its grid."""
    i, j = (index.ravel() for index in np.indices((side, side)))
    u, v = 2 * np.pi * i / side, 2 * np.pi * j / side
    ring = 2 + np.cos(v)
    x = np.stack([ring * np.cos(u), ring * np.sin(u), np.sin(v)], axis=-1)
    here, right = i * side + j, (i + 1) % side * side + j
    up, across = i * side + (j + 1) % side, (i + 1) % side * side + (j + 1) % side
    faces = np.concatenate([[here, right, across], [here, across, up]], axis=1).T
    return {"x": x + 0.1 * rng.normal(size=x.shape), "faces": faces}


def normals(xp, x, y, faces):
    """x_b × y_c / 6 summed at a, and cyclically: (n, 3), (n, 3) -> (n, 3)."""
    after, before = x[xp.roll(faces, -1, axis=1), ...], y[xp.roll(faces, 1, axis=1), ...]
    parts = xp.reshape(xp.linalg.cross(after, before) / 6, (-1, 3))
    return xp.segment_sum(parts, xp.reshape(faces, (-1,)), x.shape[0])


@mesh_volume.formula("gradient")
def vector_areas(xp, x, faces):
    """Σ x_b × x_c / 6 over the triangles (a, b, c) at a."""
    return normals(xp, x, x, faces)


@mesh_volume.formula("hvp")
def turned_areas(xp, x, faces, v):
    """Σ (v_b × x_c + x_b × v_c) / 6 over the triangles (a, b, c) at a."""
    return normals(xp, v, x, faces) + normals(xp, x, v, faces)
