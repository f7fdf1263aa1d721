r"""Archimedean and Student copulas, reflected and with random margins.

An Archimedean copula is C(u, v) = psi(phi(u) + phi(v)), phi the inverse of psi, with density
psi''(phi(u) + phi(v)) / (psi'(phi(u)) psi'(phi(v))) (Nelsen, "An Introduction to Copulas", 2006,
chapter 4). The value C(U, V) has the density K'(t) = phi(t) psi''(phi(t)) / |psi'(phi(t))| on
(0, 1) (Genest and Rivest, J. Am. Stat. Assoc. 88, 1993), so the mutual information needs integrals
of one variable only:

    I = int log psi''(phi(t)) K'(t) dt - 2 int log |psi'(phi(t))| dt.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from skmist._training.draw import Draw
from skmist._training.families.margins import margin
from skmist._training.families.paper import student_excess
from skmist._training.random import Rng

N_NODES = 161


def nodes(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return t, 1 - t and the weights of the tanh-sinh rule on (0, 1), in double precision."""
    h = 3.4 * torch.linspace(-1, 1, N_NODES, dtype=torch.float64, device=device)
    a = math.pi / 2 * torch.sinh(h)
    t, rest = torch.sigmoid(2 * a), torch.sigmoid(-2 * a)
    weight = math.pi * torch.cosh(h) * t * rest * (h[1] - h[0])
    return t, rest, weight


def frank(theta: Tensor, t: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log phi, log |psi'| and log psi'' at phi(t): psi(s) = -log(1 - m e^-s) / theta.

    Nelsen (2006), table 4.1, row 5; m = 1 - e^-theta, theta > 0.
    """
    b = -torch.expm1(-theta * t)
    log_b = torch.log(b)
    m = -torch.expm1(-theta)
    # b / m is one minus a number that is small where t is near one
    less = torch.exp(-theta * t) * torch.expm1(-theta * rest) / m
    phi = torch.where(t < 0.5, torch.log(m) - log_b, -torch.log1p(less))
    first = log_b + theta * t - torch.log(theta)
    return torch.log(phi), first, first + theta * t


def gumbel(theta: Tensor, t: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log phi, log |psi'| and log psi'' at phi(t): psi(s) = exp(-s^(1 / theta)).

    Nelsen (2006), table 4.1, row 4; theta > 1.
    """
    r = torch.where(t < 0.5, -torch.log(t), -torch.log1p(-rest))
    log_r, log_theta = torch.log(r), torch.log(theta)
    first = (1 - theta) * log_r - r - log_theta
    second = (1 - 2 * theta) * log_r - r - 2 * log_theta + torch.log(r + theta - 1)
    return theta * log_r, first, second


def joe(theta: Tensor, t: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return log phi, log |psi'| and log psi'' at phi(t): psi(s) = 1 - (1 - e^-s)^(1 / theta).

    Joe, "Dependence Modeling with Copulas" (2014), section 4.7; theta > 1.
    """
    log_q = torch.where(rest < 0.5, torch.log(rest), torch.log1p(-t))
    power = torch.exp(theta * log_q)  # (1 - t)^theta = 1 - e^-s
    a = -torch.expm1(theta * log_q)
    log_a, log_theta = torch.log(a), torch.log(theta)
    phi = torch.where(power < 0.5, -torch.log1p(-power), -log_a)
    first = (1 - theta) * log_q + log_a - log_theta
    second = (1 - 2 * theta) * log_q + log_a - log_theta + torch.log1p(-a / theta)
    return torch.log(phi), first, second


GENERATORS = {"frank": frank, "gumbel": gumbel, "joe": joe}


def archimedean_mi(kind: str, theta: Tensor) -> Tensor:
    """Return the mutual information of a copula in nats.

    Clayton: log(1 + theta) - theta / (1 + theta), which follows from the formula of the module with
    psi(s) = (1 + theta s)^(-1 / theta). Others: the rule of ``nodes``, error below 5e-4 nats.

    Parameters
    ----------
    kind : {"clayton", "frank", "gumbel", "joe"}
    theta : Tensor of shape (B,)

    Returns
    -------
    Tensor of shape (B,)
    """
    theta = theta.double()
    if kind == "clayton":
        return (torch.log1p(theta) - theta / (1 + theta)).float()
    t, rest, weight = nodes(theta.device)
    log_phi, first, second = GENERATORS[kind](theta.unsqueeze(1), t, rest)
    density = torch.exp(log_phi + second - first)
    return ((second * density - 2 * first) * weight).sum(1).clamp_min(0).float()


def draw_pairs(rng: Rng, kind: str, theta: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Draw n pairs of each Archimedean copula, two tensors (B, n) with uniform margins.

    Clayton and Frank by inversion of the conditional distribution (Nelsen, 2006, section 2.9),
    Gumbel by the distribution of C(U, V), Joe by its frailty of the Sibuya distribution (Hofert,
    Comput. Stat. Data Anal. 55, 2011).
    """
    b = theta.shape[0]
    theta = theta.view(b, 1)
    u, w = rng.uniform(b, n), rng.uniform(b, n)
    if kind == "clayton":
        ratio = torch.expm1(-theta / (1 + theta) * torch.log(w))
        # v^-theta = 1 + u^-theta (w^(-theta / (1 + theta)) - 1), by logarithms against overflow
        log_s = -theta * torch.log(u) + torch.log(ratio)
        return u, torch.exp(-torch.nn.functional.softplus(log_s) / theta)
    if kind == "frank":
        e = torch.exp(-theta * u)
        top, bottom = w + (1 - w) * e, w * torch.exp(-theta) + (1 - w) * e
        return u, (torch.log(top) - torch.log(bottom)) / theta
    if kind == "gumbel":
        # r = -log C is exponential, or with probability 1 / theta the sum of two exponentials
        more = torch.where(rng.uniform(b, n) < 1 / theta, -torch.log(rng.uniform(b, n)), 0.0)
        r = more - torch.log(u)
        return torch.exp(-r * w ** (1 / theta)), torch.exp(-r * (1 - w) ** (1 / theta))
    frailty = sibuya(u.double(), 1 / theta.double())
    s = -torch.log(rng.uniform(2, b, n)) / frailty
    one, two = -torch.expm1(torch.log(-torch.expm1(-s)) / theta.double())
    return one.float(), two.float()


def sibuya(u: Tensor, alpha: Tensor) -> Tensor:
    """Return the quantile u of the Sibuya distribution, P(V > k) = 1 / (k B(k, 1 - alpha)).

    Source: Hofert, Comput. Stat. Data Anal. 55 (2011), proposition 3.2.
    """
    log_gamma = torch.lgamma(1 - alpha)
    log_rest = torch.log1p(-u)
    x = torch.exp(-(log_rest + log_gamma) / alpha)
    k = x.floor().clamp(1, 1e9)
    log_tail = torch.lgamma(k + 1 - alpha) - torch.lgamma(k + 1) - log_gamma
    v = torch.where(log_rest < log_tail, k + 1, k)
    v = torch.where(x >= 1e9, x, v)
    return torch.where(u <= alpha, torch.ones_like(v), v)


def student_pairs(rng: Rng, batch: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw Student pairs of either sign, on (0, 1) by an increasing map, and their information."""
    part = rng.log_uniform(batch, 1, low=0.001, high=2.5)
    df = rng.log_uniform(batch, 1, low=0.8, high=30.0)
    sign = torch.where(rng.uniform(batch, 1) < 0.5, -1.0, 1.0)
    rho = sign * torch.sqrt(-torch.expm1(-2 * part))
    scale = (df / rng.chi_square(df, batch, n).clamp_min(1e-12)).sqrt()
    x = rng.normal(batch, n)
    y = rho * x + torch.exp(-part) * rng.normal(batch, n)
    u, v = (torch.special.ndtr(torch.asinh(a * scale) / 2) for a in (x, y))
    return u, v, (part + student_excess(df, 1, 1)).squeeze(1)


RANGES = {
    # theta minus its value at independence
    "clayton": (0.1, 35.0),
    "frank": (0.6, 60.0),
    "gumbel": (0.06, 12.0),
    "joe": (0.1, 30.0),
}


def copula(rng: Rng, batch: int, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw pairs (B, n) in (0, 1) from a copula of a random kind, and their information (B,)."""
    kind = rng.choose(("student", *RANGES))
    if kind == "student":
        u, v, mi = student_pairs(rng, batch, n)
    else:
        low, high = RANGES[kind]
        theta = rng.log_uniform(batch, low=low, high=high) + (kind in ("gumbel", "joe"))
        u, v = draw_pairs(rng, kind, theta, n)
        mi = archimedean_mi(kind, theta)
    flip = rng.uniform(2, batch, 1) < 0.5  # rotations by 90, 180 and 270 degrees
    return torch.where(flip[0], 1 - u, u), torch.where(flip[1], 1 - v, v), mi


def sample(rng: Rng, batch: int, n: int) -> Draw:
    """Draw pairs of columns from a copula with random margins.

    Parameters
    ----------
    rng : Rng
    batch : int
    n : int

    Returns
    -------
    Draw
        With x and y of shape (batch, n, 1).
    """
    u, v, mi = copula(rng, batch, n)
    return Draw(margin(rng, u).unsqueeze(-1), margin(rng, v).unsqueeze(-1), mi)
