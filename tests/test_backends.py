"""The same numbers on every joblib backend, a real dask cluster included."""

import joblib
import numpy as np
import pytest
from dask.distributed import Client, LocalCluster

from skmist import MISTScore, _inference


@pytest.fixture
def many_batches(monkeypatch, rng):
    """Return data whose features take several batches, and the scores of one job."""
    monkeypatch.setattr(_inference, "BATCH_BYTES", 2**20)
    X = rng.normal(size=(80, 12))
    y = X[:, 0] + rng.normal(size=80)
    return X, y, MISTScore()(X, y)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_local_backends(many_batches, backend):
    X, y, expected = many_batches
    with joblib.parallel_config(backend, n_jobs=2):
        np.testing.assert_array_equal(MISTScore(n_jobs=2)(X, y), expected)


def test_dask_cluster_of_two_processes(many_batches):
    X, y, expected = many_batches
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
            host="127.0.0.1",
        ) as cluster,
        Client(cluster) as client,
        joblib.parallel_config("dask", wait_for_workers_timeout=60),
    ):  # fmt: skip
        np.testing.assert_array_equal(MISTScore(n_jobs=2)(X, y), expected)
        ran = client.run(lambda: "skmist" in __import__("sys").modules)
    assert len(ran) == 2
    assert any(ran.values())
