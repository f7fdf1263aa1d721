"""The families of the MIST paper: multivariate normal and Student, additive uniform noise.

Source: Gritsai, Richards, Méloux, Cho and Peyrard, arXiv 2511.18945; the distributions are those of
Czyż et al., "Beyond Normal", NeurIPS 2023. Here also with dx and dy unequal: pairs are then formed
among the first min(dx, dy) columns.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skmist._training.draw import Draw, gaussian_mi
from skmist._training.random import Rng


def student_excess(df: Tensor, dx: int, dy: int) -> Tensor:
    """Return what a Student distribution adds to its normal part, h(dx) + h(dy) - h(dx + dy).

    Source: Arellano-Valle, Contreras-Reyes and Genton, Scand. J. Stat. 40 (2013).
    """

    def entropy(d: int) -> Tensor:
        a, b = (df.double() + d) / 2, df.double() / 2
        log_constant = torch.lgamma(a) - torch.lgamma(b) - d / 2 * torch.log(df.double() * torch.pi)
        return -log_constant + a * (torch.digamma(a) - torch.digamma(b))

    return (entropy(dx) + entropy(dy) - entropy(dx + dy)).float()


def dense(rng: Rng, batch: int, n: int, dx: int, dy: int):
    """Equicorrelated columns, correlation U(0, 0.5)."""
    rho = rng.uniform(batch, 1, 1, low=0.0, high=0.5)
    d = dx + dy
    z = rho.sqrt() * rng.normal(batch, n, 1) + (1 - rho).sqrt() * rng.normal(batch, n, d)
    cov = rho + (1 - rho) * torch.eye(d, device=rng.device)
    return z, cov


def _pairs(rng: Rng, batch: int, dx: int, dy: int, k: int | None) -> Tensor:
    """Return which of the first min(dx, dy) columns interact, shape (batch, min(dx, dy))."""
    m = min(dx, dy)
    count = rng.integer(batch, 1, low=1, high=m) if k is None else torch.full((batch, 1), min(k, m))
    return torch.arange(m, device=rng.device) < count.to(rng.device)


def latent(
    rng: Rng, batch: int, n: int, dx: int, dy: int, k: int | None, s_max: float, shared: bool
):
    """Pairs (X_i, y_i) that share a latent; with ``shared``, also latents common to all columns."""
    d, m = dx + dy, min(dx, dy)
    on = _pairs(rng, batch, dx, dy, k).float()
    s = rng.uniform(batch, 1, low=0.1, high=s_max)
    load = torch.zeros(batch, d, m, device=rng.device)
    index = torch.arange(m, device=rng.device)
    load[:, index, index] = s * on
    load[:, dx + index, index] = s * on
    idle = torch.ones(batch, d, device=rng.device)
    idle[:, index] -= on
    idle[:, dx + index] -= on
    loads = [load]
    extra = s
    if shared:
        alpha = rng.uniform(batch, 1, 1)
        beta = rng.uniform(batch, 1, 1, low=0.0, high=1.5)
        extra = rng.uniform(batch, 1, low=0.1, high=5.0)
        of_x = (torch.arange(d, device=rng.device) < dx).float().view(1, d, 1)
        loads += [alpha.expand(batch, d, 1), beta * of_x, beta * (1 - of_x)]
    load = torch.cat(loads, -1)
    noise = 1 + (extra * idle).square()  # variances
    z = rng.normal(batch, n, load.shape[-1]) @ load.transpose(1, 2)
    z = z + noise.sqrt().unsqueeze(1) * rng.normal(batch, n, d)
    return z, load @ load.transpose(1, 2) + torch.diag_embed(noise)


def dispersion(rng: Rng, kind: str, batch: int, n: int, dx: int, dy: int):
    """Draw normal rows (B, n, d) and their covariance (B, d, d), for a kind of the paper."""
    if kind == "dense":
        return dense(rng, batch, n, dx, dy)
    if kind == "sparse":
        return latent(rng, batch, n, dx, dy, None, 5.0, shared=False)
    if kind == "2pair":
        return latent(rng, batch, n, dx, dy, 2, 5.0, shared=False)
    if kind == "lvm":
        return latent(rng, batch, n, dx, dy, None, 3.0, shared=True)
    raise ValueError(f"Unknown kind of dispersion: {kind!r}.")


def normal(rng: Rng, batch: int, n: int, dx: int, dy: int, kind: str) -> Draw:
    """Multivariate normal."""
    z, cov = dispersion(rng, kind, batch, n, dx, dy)
    return Draw(z[..., :dx], z[..., dx:], gaussian_mi(cov, dx))


def student(rng: Rng, batch: int, n: int, dx: int, dy: int, kind: str) -> Draw:
    """Multivariate Student, degrees of freedom U(1, 10)."""
    z, cov = dispersion(rng, kind, batch, n, dx, dy)
    df = rng.uniform(batch, 1, low=1.0, high=10.0)
    z = z * (df / rng.chi_square(df, batch, n)).sqrt().unsqueeze(-1)
    mi = gaussian_mi(cov, dx) + student_excess(df.squeeze(1), dx, dy)
    return Draw(z[..., :dx], z[..., dx:], mi)


def additive_mi(e: Tensor) -> Tensor:
    """Return I(X; X + U(-e, e)) for X ~ U(0, 1), in nats (Czyż et al., NeurIPS 2023)."""
    return torch.where(e <= 0.5, e - torch.log(2 * e), 0.25 / e)


def additive(rng: Rng, batch: int, n: int, dx: int, dy: int, wide: bool = False) -> Draw:
    """Additive noise: y_j = X_j + U(-e_j, e_j) with X_j ~ U(0, 1), e_j ~ U(0.1, 2).

    With ``wide``, e_j is log-uniform from 0.02 to 3.
    """
    m = min(dx, dy)
    x, y = rng.uniform(batch, n, dx), rng.uniform(batch, n, dy)
    if wide:
        e = rng.log_uniform(batch, 1, m, low=0.02, high=3.0)
    else:
        e = rng.uniform(batch, 1, m, low=0.1, high=2.0)
    y[..., :m] = x[..., :m] + e * rng.uniform(batch, n, m, low=-1.0, high=1.0)
    return Draw(x, y, additive_mi(e).sum((1, 2)))


def asinh(x: Tensor, y: Tensor):
    """Shorten the tails."""
    return torch.asinh(x), torch.asinh(y)


def halfcube(x: Tensor, y: Tensor):
    """Lengthen the tails: x sqrt|x|."""
    return x * x.abs().sqrt(), y * y.abs().sqrt()


def wiggly(x: Tensor, y: Tensor):
    """Bend with sines, differently for X and y; strictly increasing."""
    x = x + 0.4 * torch.sin(x) + 0.2 * torch.sin(1.7 * x + 1) + 0.03 * torch.sin(3.3 * x - 2.5)
    y = (
        y
        - 0.4 * torch.sin(0.4 * y)
        + 0.17 * torch.sin(1.3 * y + 3.5)
        + 0.02 * torch.sin(4.3 * y - 2.5)
    )
    return x, y


TRANSFORMS = {"base": lambda x, y: (x, y), "asinh": asinh, "halfcube": halfcube, "wiggly": wiggly}

TRAIN = (
    *(("normal", "dense", t) for t in ("base", "halfcube", "asinh")),
    *(("normal", "sparse", t) for t in ("base", "wiggly")),
    *(("normal", "lvm", t) for t in ("base", "wiggly")),
    ("normal", "2pair", "base"),
    *(("student", "dense", t) for t in ("base", "wiggly")),
    *(("student", "sparse", t) for t in ("base", "halfcube", "asinh")),
    *(("student", "2pair", t) for t in ("asinh", "halfcube")),
    ("additive", "", "wiggly"),
)


def sample(rng: Rng, batch: int, n: int, dx: int, dy: int, name: tuple[str, str, str]) -> Draw:
    """Draw from a family of the paper, named by (base, kind, transformation)."""
    base, kind, transform = name
    if base == "additive":
        draw = additive(rng, batch, n, dx, dy)
    else:
        draw = {"normal": normal, "student": student}[base](rng, batch, n, dx, dy, kind)
    return Draw(*TRANSFORMS[transform](draw.x, draw.y), draw.mi)
