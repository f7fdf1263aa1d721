"""Data flows one way: API, validation, encoding, core; training stands apart."""

import ast
from pathlib import Path

import pytest

import skmist

ROOT = Path(skmist.__file__).parent
API = {"_estimator", "_feature_selection", "_score", "_functions"}
# each module may import from those named after it, from `exceptions` and from its own folder
LAYERS = {
    "exceptions": set(),
    "core": set(),
    "_numbers": set(),
    "_ranks": {"core"},
    "_columns": {"_numbers"},
    "_validation": {"_columns", "_numbers"},
    "_entropy": set(),
    "_encoding": {"_columns", "_entropy", "_validation"},
    "_calibration": {"core"},
    "_checkpoint": {"_calibration", "core"},
    "_progress": {"_information"},  # for the type of an argument only
    "_inference": {"_checkpoint", "_encoding", "_progress", "core"},
    "_domain": {"_encoding", "_ranks", "core"},
    "_domain_rows": {"_domain_serial", "_domain_ties", "_encoding", "_ranks"},
    "_domain_serial": {"_encoding", "_ranks"},
    "_domain_ties": {"_encoding", "_ranks"},
    "_linear": {"_ranks"},
    "_dependence": {"_linear"},
    "_null": {"_checkpoint", "_linear"},
    "_readings": {"_encoding", "_inference"},
    "_lower_bound": {"_checkpoint", "_encoding", "_inference", "_ranks", "core"},
    "_permutation": {"_dependence", "_encoding", "_inference", "_linear", "_null", "core"},
    "_information": {
        "_checkpoint", "_domain", "_domain_rows", "_encoding", "_inference", "_lower_bound",
        "_null", "_permutation", "_readings", "_validation", "core",
    },
    "_parameters": {"_encoding", "_validation"},
    "_clustering": set(),
    "_conditional": {"_domain", "_encoding", "_information", "_validation"},
    "_matrix": {"_encoding", "_information", "_validation"},
    "_selection": {"_domain", "_encoding", "_information", "_permutation", "_validation"},
}  # fmt: skip


def imports(path):
    """Return the full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts[: -node.level])
            base = f"{package}.{node.module or ''}".strip(".") if node.level else node.module
            found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return found


def parts(path):
    """Return the second-level names in the package that a file imports."""
    names = {name.split(".")[1] for name in imports(path) if name.startswith("skmist.")}
    return {name for name in names if (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()}


def files(name):
    folder = ROOT / name
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [ROOT / f"{name}.py"]


@pytest.mark.parametrize("name", LAYERS)
def test_a_module_imports_only_from_the_layers_below(name):
    for path in files(name):
        allowed = LAYERS[name] | {"exceptions", name}
        assert parts(path) <= allowed, f"{path.name} imports {parts(path) - allowed}"


def test_nothing_outside_training_imports_training():
    outside = [p for p in ROOT.rglob("*.py") if "_training" not in p.relative_to(ROOT).parts]
    assert len(outside) > 15
    for path in outside:
        assert "_training" not in parts(path), path


def test_core_is_pure_torch():
    for path in files("core"):
        roots = {name.split(".")[0] for name in imports(path)}
        assert not roots & {"sklearn", "numpy", "scipy", "pandas", "joblib"}, path


def test_no_tensors_in_the_public_layer():
    for name in API:
        roots = {module.split(".")[0] for module in imports(ROOT / f"{name}.py")}
        assert "torch" not in roots, name
        assert not parts(ROOT / f"{name}.py") & {"core", "_checkpoint", "_permutation"}, name


def test_files_stay_short():
    for path in ROOT.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, path


def test_public_names_are_documented():
    for name in skmist.__all__:
        if name != "__version__":
            assert getattr(skmist, name).__doc__, name
