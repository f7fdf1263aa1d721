"""The documentation agrees with the package: API page, examples in the text, model card."""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skmist
from skmist import baselines
from skmist._checkpoint import read_metadata
from skmist._null import load_null

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "doc/index.md", "doc/user_guide.md"]


def documented(page: str, module: str) -> set[str]:
    """Return the names that the autosummary tables of a page list for a module."""
    names, current, inside = set(), "", False
    for line in page.splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            current = found[1]
        if line.startswith(".. "):
            inside = line.startswith(".. autosummary::")
        elif inside and current == module and re.fullmatch(r"   \w+", line):
            names.add(line.strip())
    return names


@pytest.mark.parametrize("module", [skmist, baselines], ids=lambda m: m.__name__)
def test_every_public_name_stands_in_the_api_page(module):
    page = (ROOT / "doc" / "api.rst").read_text(encoding="utf-8")
    assert documented(page, module.__name__) == set(module.__all__) - {"__version__"}


@pytest.mark.parametrize("module", [skmist, baselines], ids=lambda m: m.__name__)
def test_public_names_have_docstrings_with_an_example(module):
    for name in set(module.__all__) - {"__version__", "MutualInformation", "CheckpointError"}:
        assert "Examples\n" in inspect.getdoc(getattr(module, name)), name


@pytest.mark.parametrize("page", PAGES)
def test_python_blocks_of_a_page_run_in_order(page, recwarn):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    assert blocks
    namespace = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "doc/model_card.md"])
def test_files_that_a_page_links_to_exist(page):
    for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", (ROOT / page).read_text("utf-8")):
        if not target.startswith("auto_examples/"):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_model_card_describes_the_released_weights():
    command = [sys.executable, ROOT / "doc" / "describe_weights.py", "--check"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_guide_states_the_range_of_the_released_files():
    config, table = read_metadata()["config"], load_null()
    text = " ".join((ROOT / "doc" / "user_guide.md").read_text("utf-8").split())
    for sentence in (
        "trained on {n_min:,} to {n_max:,} rows (one column against one: to {n_max_bivariate:,}), "
        "1 to {d_max} columns per side",
        "and up to {mi_max:g} nats",
        "Below {n_min} rows there is an error",
    ):
        assert sentence.format(**config) in text
    assert f"There were {table.draws:,} draws at each" in text
    assert f"more than {table.sizes[-1]:,} rows, weights" in text


def test_version_is_in_the_changelog():
    assert f"## {skmist.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
