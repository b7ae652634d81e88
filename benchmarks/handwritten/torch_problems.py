"""The cases of `cases/ad_benchmarks` in plain PyTorch: the same arguments without xp."""

import math
from functools import lru_cache
from itertools import combinations

import torch


def hello(x):
    return x * x


def lse(x):
    return torch.logsumexp(x, dim=0)


def llsq(x, t):
    V = torch.linalg.vander(t, N=len(x))
    return 0.5 * (torch.sign(t) - V @ x).square().sum()


def det(A):
    minors = A[0]
    for r in range(1, len(A)):
        columns, rest, signs = expansion(len(A), r)
        minors = (signs * A[r, columns] * minors[rest]).sum(dim=1)
    return minors[0]


@lru_cache
def expansion(n, r):
    position = {chosen: i for i, chosen in enumerate(combinations(range(n), r))}
    choices = list(combinations(range(n), r + 1))
    rest = [[position[c[:j] + c[j + 1 :]] for j in range(r + 1)] for c in choices]
    signs = torch.tensor([(-1.0) ** (r + j) for j in range(r + 1)], dtype=torch.float64)
    return torch.tensor(choices), torch.tensor(rest), signs


def gmm(alphas, means, icf, x, gamma, m):
    (k, d), n = means.shape, len(x)
    logs, below = icf[:, :d], icf[:, d:]
    column, row = torch.triu_indices(d, d, offset=1)
    Q = torch.diag_embed(logs.exp())
    Q[:, row, column] = below
    z = (x - means[:, None]) @ Q.mT
    scores = (alphas + logs.sum(dim=1))[:, None] - 0.5 * z.square().sum(dim=2)
    likelihood = torch.logsumexp(scores, dim=0).sum() - n * torch.logsumexp(alphas, dim=0)
    freedom = d + m + 1
    normaliser = freedom * d * (torch.log(gamma) - 0.5 * math.log(2))
    normaliser = normaliser - torch.special.multigammaln(0.5 * freedom * torch.ones_like(gamma), d)
    prior = m * logs.sum() - 0.5 * gamma**2 * Q.square().sum() + k * normaliser
    return likelihood - 0.5 * n * d * math.log(2 * math.pi) + prior


def kmeans(centroids, points):
    products = points @ centroids.T
    distances = points.square().sum(dim=1)[:, None] - 2 * products + centroids.square().sum(dim=1)
    return distances.min(dim=1).values.sum()


def ba(cams, X, w, obs, feats):
    cam = cams[obs[:, 0]]
    x = rodrigues(cam[:, :3], X[obs[:, 1]] - cam[:, 3:6])
    u = x[:, :2] / x[:, 2:]
    square = u.square().sum(dim=1, keepdim=True)
    distorted = u * (1 + cam[:, 9:10] * square + cam[:, 10:] * square**2)
    errors = w[:, None] * (cam[:, 6:7] * distorted + cam[:, 7:9] - feats)
    return torch.cat([errors.flatten(), 1 - w**2])


def rodrigues(r, x):
    angle = torch.linalg.vector_norm(r, dim=1, keepdim=True)
    axis = r / angle
    along = (axis * x).sum(dim=1, keepdim=True)
    cos = angle.cos()
    return x * cos + torch.linalg.cross(axis, x) * angle.sin() + axis * along * (1 - cos)


def hand(theta, joints, vertices, weights, correspondences, points):
    v, shares = vertices[correspondences], weights[correspondences]
    fingers = theta[6:].reshape(-1, 4)
    f = len(fingers)
    R, t = torch.eye(3, dtype=theta.dtype).expand(f, 3, 3), theta.new_zeros(f, 3)
    Rs, ts = [R[:1]], [t[:1]]
    for level, joint in enumerate(joints):
        spread = fingers[:, 0] if level == 0 else torch.zeros_like(fingers[:, 0])
        turn = spread_and_bend(spread, fingers[:, level + 1])
        t = t + (R @ (joint[:, :, None] - turn @ joint[:, :, None]))[:, :, 0]
        R = R @ turn
        Rs.append(R)
        ts.append(t)
    blended = (shares @ torch.cat(Rs).reshape(-1, 9)).reshape(-1, 3, 3)
    skinned = (blended @ v[:, :, None])[:, :, 0] + shares @ torch.cat(ts)
    return points - skinned @ rotation(theta[:3]).T - theta[3:6]


def spread_and_bend(spread, bend):
    c, s, cb, sb = spread.cos(), spread.sin(), bend.cos(), bend.sin()
    rows = [[c, -s * cb, s * sb], [s, c * cb, -c * sb], [torch.zeros_like(c), sb, cb]]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def rotation(r):
    angle = torch.linalg.vector_norm(r)
    axis = r / angle
    eye = torch.eye(3, dtype=r.dtype)
    cross = torch.linalg.cross(eye, axis[None, :])
    cos = angle.cos()
    return cos * eye + angle.sin() * cross + (1 - cos) * torch.outer(axis, axis)


def diagonal_lstm(main, extra, state, sequence):
    x = sequence[:-1] * extra[0]
    for weight, bias, h, c in zip(main[::2], main[1::2], state[::2], state[1::2], strict=True):
        (wf, wi, wo, wg), (bf, bi, bo, bg) = weight.chunk(4), bias.chunk(4)
        forget, out = torch.sigmoid(x * wf + bf), torch.sigmoid(x * wo + bo)
        hidden = []
        for f, o in zip(forget, out, strict=True):
            c = f * c + torch.sigmoid(h * wi + bi) * torch.tanh(h * wg + bg)
            h = o * torch.tanh(c)
            hidden.append(h)
        x = torch.stack(hidden)
    predicted = x * extra[1] + extra[2]
    normaliser = torch.log(2 + predicted.exp().sum(dim=1, keepdim=True))
    return -(sequence[1:] * (predicted - normaliser)).mean()


def ode(x, s):
    h, one = 2 / s, x.new_ones(1)

    def slope(y):
        return x * torch.cat([one, y[:-1]])

    y = torch.zeros_like(x)
    for _ in range(s):
        k1 = slope(y)
        k2 = slope(y + h / 2 * k1)
        k3 = slope(y + h / 2 * k2)
        k4 = slope(y + h * k3)
        y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return y[-1]
