"""The documentation agrees with the package: API page, examples in the text, model card."""

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import skmist
from skmist import _domain, baselines
from skmist._checkpoint import read_metadata
from skmist._null import load_null

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "doc/index.md", "doc/user_guide.md"]


@pytest.fixture(scope="module")
def write_outputs():
    path = ROOT / "doc" / "write_outputs.py"
    spec = importlib.util.spec_from_file_location("write_outputs", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
def test_blocks_of_a_page_run_in_order_and_print_what_it_shows(page, write_outputs, recwarn):
    text = (ROOT / page).read_text("utf-8")
    outputs = write_outputs.outputs(page)  # runs every python block of the page
    assert len(outputs) == text.count("```text\n") > 0
    assert write_outputs.differences(page, outputs) == []


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("bmi  0.20\n", "bmi 0.205\n", True),
        ("[0 1]\n", "[0 1]\n", True),
        ("p 1.5e-05, -0.01\n", "p 9e-06, 0.0\n", True),
        ("bmi 0.20\n", "bmi 0.24\n", False),
        ("bmi 0.20\n", "s5 0.20\n", False),
        ("[0 1]\n", "[0 1 2]\n", False),
        ("442 rows\n", "480 rows\n", False),
    ],
)
def test_outputs_agree_but_for_small_differences_of_numbers(one, other, expected, write_outputs):
    assert write_outputs.agree(one, other) is expected


def test_written_outputs_stand_under_their_blocks(write_outputs, tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(1 + 1)\n```\n\n```text\n```\n\n```text\nkept\n```\n", "utf-8")
    monkeypatch.setattr(write_outputs, "ROOT", tmp_path)
    assert len(write_outputs.differences("page.md")) == 1
    write_outputs.write("page.md")
    assert "print(1 + 1)\n```\n\n```text\n2\n```\n\n```text\nkept\n" in page.read_text("utf-8")
    assert write_outputs.differences("page.md") == []


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
    largest = _domain.NEAR_MAXIMUM * config["mi_max"]
    text = " ".join((ROOT / "doc" / "user_guide.md").read_text("utf-8").split())
    for sentence in (
        "trained on {n_min:,} to {n_max:,} rows (one column against one: to {n_max_bivariate:,}), "
        "1 to {d_max} columns per side",
        "and up to {mi_max:g} nats",
        "Below {n_min} rows there is an error",
        "from {strong} nats for each column of the narrower side, at most {largest:g}",
    ):
        assert sentence.format(**config, strong=_domain.STRONG_PAIR, largest=largest) in text
    assert f"There were {table.draws:,} draws at each" in text
    assert f"more than {table.sizes[-1]:,} rows, weights" in text


def test_version_is_in_the_changelog():
    assert f"## {skmist.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
