"""Hand tracking: a skinned mesh posed by a skeleton, and its distance from measured points."""

import numpy as np

import xgrad

JOINTS = 3  # of a finger


@xgrad.case(
    wrt="theta",
    sizes={
        "small": {"fingers": 2, "vertices": 12, "points": 3},
        "medium": {"fingers": 5, "vertices": 100, "points": 50},
        "large": {"fingers": 5, "vertices": 10_000, "points": 5_000},
    },
    operators="jacobian",
    source="Šrajer, Kukelova & Fitzgibbon 2018, arXiv:1807.10129, section 4.3; Murray, Li & "
    "Sastry 1994, A Mathematical Introduction to Robotic Manipulation, section 3.4; "
    "GradBench, evals/ht/README.md",
)
def hand(xp, theta, joints, vertices, weights, correspondences, points):
    # theta (6 + 4f,), joints (3, f, 3), vertices (n, 3), weights (n, 1 + 3f),
    # correspondences (c,) integers, points (c, 3) -> (c, 3)
    """points − (R Σ_b w_b (R_b v + t_b) + t), b a palm at rest and three bones for each finger.

    theta is the hand's rotation as axis times angle, its translation t, and for each finger its
    spread and three bends; a bone turns about its joint and takes the next ones with it.
    """
    v = xp.take(vertices, correspondences, axis=0)
    shares = xp.take(weights, correspondences, axis=0)
    R, t = bones(xp, theta, joints)
    turn = xp.reshape(xp.matmul(shares, xp.reshape(R, (-1, 9))), (-1, 3, 3))
    skinned = xp.matmul(turn, v[:, :, None])[:, :, 0] + xp.matmul(shares, t)
    whole, _ = rotation(xp, theta[:3])
    return points - xp.matmul(skinned, whole.T) - theta[3:6]


def bones(xp, theta, joints):
    """R and t of the palm, which rests, and of every bone, joint by joint: (1 + 3f, …)."""
    f = joints.shape[1]
    angles = xp.reshape(theta[6:], (f, 4))
    still, rest = xp.zeros((f,)), (xp.broadcast_to(xp.eye(3), (f, 3, 3)), xp.zeros((f, 3)))
    spread = xp.stack([angles[:, 0], still, still])
    turns = spread_and_bend(xp, spread, angles[:, 1:].T)

    def step(parent, bone):
        (R, t), (turn, joint) = parent, bone
        offset = joint[:, :, None] - xp.matmul(turn, joint[:, :, None])
        t = t + xp.matmul(R, offset)[:, :, 0]
        R = xp.matmul(R, turn)
        return (R, t), (R, t)

    _, (R, t) = xp.scan(step, rest, (turns, joints))
    return (
        xp.concat([rest[0][:1, :, :], xp.reshape(R, (-1, 3, 3))]),
        xp.concat([rest[1][:1, :], xp.reshape(t, (-1, 3))]),
    )


def spread_and_bend(xp, spread, bend):
    """Rotations about z by spread after those about x by bend: (3, f, 3, 3)."""
    c, s, cb, sb = xp.cos(spread), xp.sin(spread), xp.cos(bend), xp.sin(bend)
    rows = [[c, -s * cb, s * sb], [s, c * cb, -c * sb], [xp.zeros_like(c), sb, cb]]
    return xp.stack([xp.stack(row, axis=-1) for row in rows], axis=-2)


def rotation(xp, r):
    """R = exp [r]×, and J with ∂R x = (J ∂r) × R x."""
    angle = xp.sqrt(xp.sum(r * r))
    a = r / angle
    cross, along, one = xp.linalg.cross(xp.eye(3), a[None, :]), a[:, None] * a, xp.eye(3)
    cos, sin = xp.cos(angle), xp.sin(angle)
    R = cos * one + sin * cross + (1 - cos) * along
    return R, sin / angle * one + (1 - cos) / angle * cross + (1 - sin / angle) * along


@hand.inputs
def draw(rng, fingers, vertices, points):
    """Straight fingers side by side, vertices near their bones and seen where noise puts them."""
    across, along = np.arange(fingers) - (fingers - 1) / 2, 2 + np.arange(JOINTS)
    joints = np.zeros((JOINTS, fingers, 3))
    joints[:, :, 0], joints[:, :, 1] = across, along[:, None]
    mesh = np.stack(
        [
            rng.uniform(-fingers / 2, fingers / 2, size=vertices),
            rng.uniform(0, 2 + JOINTS, size=vertices),
            rng.normal(size=vertices) / 4,
        ],
        axis=1,
    )
    middles = np.concatenate([[[0, 1, 0]], joints.reshape(-1, 3) + np.array([0, 0.5, 0])])
    nearness = np.exp(-np.sum((mesh[:, None] - middles) ** 2, axis=-1))
    chosen = rng.integers(vertices, size=points)
    return {
        "theta": rng.uniform(0.1, 0.8, size=6 + 4 * fingers),
        "joints": joints,
        "vertices": mesh,
        "weights": nearness / nearness.sum(axis=1, keepdims=True),
        "correspondences": chosen,
        "points": mesh[chosen] + rng.normal(size=(points, 3)) / 4,
    }


@hand.formula("jacobian")
def kinematic_chain(xp, theta, joints, vertices, weights, correspondences, points):
    """A turn about an axis ω through o moves what it takes with it by ω × (x − o).

    For a joint, that is the part of a vertex on the bones from there on, Σ w_b (x_b − o).
    """
    f, c = joints.shape[1], points.shape[0]
    v = xp.take(vertices, correspondences, axis=0)
    shares = xp.take(weights, correspondences, axis=0)
    R, t = bones(xp, theta, joints)
    palm, shares = shares[:, :1] * v, xp.reshape(shares[:, 1:].T, (JOINTS, f, c, 1))
    R, t = xp.reshape(R[1:, :, :], (JOINTS, f, 3, 3)), xp.reshape(t[1:, :], (JOINTS, f, 1, 3))
    onward = xp.triu(xp.ones((JOINTS, JOINTS)))  # from a joint to the tip
    placed = shares * (xp.matmul(v, xp.matrix_transpose(R)) + t)
    origin = xp.matmul(joints[:, :, None, :], xp.matrix_transpose(R)) + t
    taken = xp.tensordot(onward, placed, axes=1)
    arm = taken - xp.tensordot(onward, shares, axes=1) * origin
    bend = xp.linalg.cross(xp.broadcast_to(R[:, :, None, :, 0], arm.shape), arm)
    upright = xp.broadcast_to(xp.eye(3)[2, :], (1, f, c, 3))
    spread = xp.linalg.cross(upright, arm[:1, :, :, :])
    whole, J = rotation(xp, theta[:3])
    x = xp.matmul(palm + xp.sum(placed, axis=(0, 1)), whole.T)
    turn = xp.linalg.cross(xp.broadcast_to(J.T, (c, 3, 3)), x[:, None, :])  # rows J ∂r × x
    fingers = xp.matmul(xp.concat([spread, bend]), whole.T)  # (4, f, c, 3)
    fingers = xp.reshape(xp.permute_dims(fingers, (2, 3, 1, 0)), (c, 3, 4 * f))
    shift = xp.broadcast_to(xp.eye(3), (c, 3, 3))
    return -xp.concat([xp.matrix_transpose(turn), shift, fingers], axis=2)
