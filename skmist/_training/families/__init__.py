"""Families of joint distributions with known mutual information, one idea to a file.

Every family is a function ``sample(rng, batch, n, dx, dy)`` that returns a ``Draw``.
"""
