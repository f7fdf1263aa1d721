"""Wheel and sdist hold what they should, and the wheel works in an empty environment (slow)."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WEIGHTS = ["skmist/weights/mist-base.safetensors", "skmist/weights/SHA256SUMS"]
PROGRAM = """
import pathlib, sys, skmist
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import SelectKBest
from skmist import MISTEstimator, MISTScore

assert pathlib.Path(skmist.__file__).is_relative_to(sys.prefix), skmist.__file__
X, y = load_diabetes(return_X_y=True)
estimator = MISTEstimator().fit(X, y)
low, high = estimator.interval_
assert 0 <= low <= estimator.mi_ <= high, (low, estimator.mi_, high)
assert SelectKBest(MISTScore(), k=4).fit_transform(X, y).shape == (442, 4)
print("works:", skmist.__version__, round(estimator.mi_, 3))
"""

pytestmark = pytest.mark.slow


def run(*command, **kwargs):
    """Run a command outside the checkout's reach; show its output if it fails."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    result = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, env=env, **kwargs
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build the sdist, and the wheel from the sdist; return both paths."""
    folder = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source") / "checkout"
    skip = shutil.ignore_patterns(
        ".*", "*.egg-info", "build", "dist", "runs", "outputs", "_build", "__pycache__"
    )
    shutil.copytree(ROOT, source, ignore=skip)
    run(sys.executable, "-m", "build", "--outdir", folder, source)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


def test_weights_are_in_wheel_and_sdist(built):
    sdist, wheel = built
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert set(WEIGHTS) <= set(names)
    assert not [n for n in names if n.startswith(("tests/", "benchmarks/", "doc/"))]
    with tarfile.open(sdist) as file:
        members = {name.split("/", 1)[1] for name in file.getnames() if "/" in name}
    assert {*WEIGHTS, "LICENSE", "constraints.txt", "tests/test_wheel.py"} <= members


def test_wheel_works_in_an_empty_environment(built, tmp_path):
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", built[1])
    assert "works: " in run(python, "-W", "error", "-c", PROGRAM, cwd=tmp_path)
