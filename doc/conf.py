"""Sphinx settings."""

import os

import skmist
from skmist._checkpoint import read_metadata
from skmist._null import load_null

os.environ.setdefault("MPLBACKEND", "Agg")

project = "scikit-mist"
author = copyright = "The scikit-mist developers"
version = release = skmist.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "examples"]

html_theme = "pydata_sphinx_theme"
html_title = f"scikit-mist {version}"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}

autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings
# terms of scikit-learn's glossary: resolved there only, and the build needs no network
suppress_warnings = ["ref.term"]
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# The trained range and the like are read from the released files: the text cannot disagree.
config = read_metadata()["config"]
myst_enable_extensions = ["colon_fence", "dollarmath", "substitution"]
myst_heading_anchors = 3
myst_substitutions = {
    k: f"{config[k]:,g}" for k in ("n_min", "n_max", "n_max_bivariate", "d_max", "mi_max")
}
table = load_null()
myst_substitutions |= {"null_draws": f"{table.draws:,}", "null_rows": f"{table.sizes[-1]:,}"}

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "doc_module": "skmist",
    "reference_url": {"skmist": None},
    "show_memory": False,
    "abort_on_example_error": True,
}
