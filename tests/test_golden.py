"""The released weights give the stored predictions, and these are near the truth."""

from __future__ import annotations

import json

import numpy as np
import pytest
from golden import PATH, predictions

from skmist._checkpoint import read_metadata, read_registry, released_path, sha256


@pytest.fixture(scope="module")
def found() -> dict[str, list[float]]:
    return predictions()


def test_predictions_are_the_stored_ones(found):
    stored = json.loads(PATH.read_text())
    assert stored["sha256"] == sha256(released_path()), "run: python tests/golden.py"
    assert stored["predictions"].keys() == found.keys()
    for name, values in found.items():
        np.testing.assert_allclose(values, stored["predictions"][name], rtol=1e-4, atol=1e-4)


def test_predictions_are_sensible(found):
    mean, _, low, _ = found["independent"]
    assert mean < 0.03 and low < 0.005
    # y = a + 0.3 b with a, b uniform: h(y) - h(0.3 b) = 0.15 - log(0.3)
    mean, _, low, high = found["linear"]
    assert low < 0.15 - np.log(0.3) < high and abs(mean - 0.15 + np.log(0.3)) < 0.2
    assert 0.3 < found["wave"][0] < 1.5
    assert found["classes"][0] < np.log(3)


def test_weights_are_registered_and_say_how_they_were_made():
    path = released_path()
    assert read_registry()[path.name] == sha256(path)
    assert path.stat().st_size < 16 * 2**20
    metadata = read_metadata()["metadata"]
    assert {"preset", "seed", "position", "datasets"} <= metadata.keys()
