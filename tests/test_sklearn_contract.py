"""The checks of scikit-learn, those that `check_estimator` leaves out included."""

import inspect
import re

import pytest
from sklearn.base import clone
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_get_feature_names_out_error,
    check_global_output_transform_pandas,
    check_global_set_output_transform_polars,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_set_output_transform_polars,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
    parametrize_with_checks,
)

import skmist
from skmist import MISTEstimator, MISTFeatureSelector, MISTScore

ESTIMATORS = [MISTEstimator(), MISTFeatureSelector()]
VARIANTS = [
    MISTEstimator(missing="pairwise", point="median", units="bits"),
    MISTEstimator(pvalue=True, n_permutations=3),
    MISTFeatureSelector(missing="pairwise", n_features_to_select=1, threshold=0.0),
    MISTFeatureSelector(pvalues=True, n_permutations=3),
    MISTFeatureSelector(strategy="mrmr", missing="pairwise"),
    MISTFeatureSelector(strategy="jmi", n_features_to_select=2),
    MISTFeatureSelector(strategy="joint", n_features_to_select="auto", level=0.5),
    MISTFeatureSelector(strategy="joint", direction="backward", threshold=0.1),
]


@parametrize_with_checks(ESTIMATORS + VARIANTS)
def test_common_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_checks_that_check_estimator_leaves_out(estimator):
    name = type(estimator).__name__
    check_param_validation(name, clone(estimator))
    check_dataframe_column_names_consistency(name, clone(estimator))


@pytest.mark.parametrize(
    "check",
    [
        check_get_feature_names_out_error,
        check_set_output_transform,
        check_set_output_transform_pandas,
        check_set_output_transform_polars,
        check_global_output_transform_pandas,
        check_global_set_output_transform_polars,
        check_transformer_get_feature_names_out,
        check_transformer_get_feature_names_out_pandas,
    ],
    ids=lambda check: check.__name__,
)
def test_transformer_checks(check):
    check("MISTFeatureSelector", MISTFeatureSelector())


@pytest.mark.parametrize("cls", [MISTEstimator, MISTFeatureSelector, MISTScore])
def test_constructors_only_store_their_parameters(cls):
    signature = inspect.signature(cls)
    assert all(p.kind is p.KEYWORD_ONLY for p in signature.parameters.values())
    assert set(cls._parameter_constraints) == set(signature.parameters)
    odd = {name: object() for name in signature.parameters}
    assert cls(**odd).get_params(deep=False) == odd


@pytest.mark.parametrize(
    "obj",
    [MISTEstimator, MISTFeatureSelector, MISTScore, skmist.mutual_info, skmist.mutual_info_matrix],
)
def test_documented_parameters_and_defaults_are_those_of_the_signature(obj):
    doc = inspect.getdoc(obj)
    section = doc.split("Parameters\n----------\n")[1].split("\n\n", 1)[0]
    if obj in (MISTEstimator, MISTFeatureSelector):
        section = doc.split("Parameters\n----------\n")[1].split("\n\nAttributes\n")[0]
    documented = {}
    for names, text in re.findall(r"^(\w[\w, ]*) : (.*)$", section, flags=re.M):
        default = re.search(r"default=(.*)$", text)
        for name in names.split(", "):
            documented[name] = default and default.group(1)
    parameters = inspect.signature(obj).parameters
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            expected = repr(parameter.default).replace("'", '"')
            assert documented[name] == expected, name


def test_tags():
    tags = get_tags(MISTEstimator())
    assert not tags.requires_fit
    assert tags.target_tags.required
    assert tags.target_tags.multi_output
    assert not tags.non_deterministic
    assert not tags.input_tags.allow_nan
    assert get_tags(MISTEstimator(missing="pairwise")).input_tags.allow_nan
    assert get_tags(MISTFeatureSelector()).requires_fit
    assert get_tags(MISTFeatureSelector(missing="pairwise")).input_tags.allow_nan
    assert get_tags(MISTFeatureSelector()).input_tags.sparse
