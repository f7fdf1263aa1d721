"""Sphinx settings."""

import os

import skmist

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

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "doc_module": "skmist",
    "reference_url": {"skmist": None},
    "show_memory": False,
    "abort_on_example_error": True,
}
