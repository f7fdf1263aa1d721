"""Selected columns of frames keep their dtypes: scikit-learn sees to pandas, here is polars."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted, validate_data


class FrameSelectorMixin(SelectorMixin):
    """Selector that takes columns out of polars frames as they are."""

    def transform(self, X: Any) -> Any:
        """Reduce X to the selected features.

        Parameters
        ----------
        X : array-like, sparse matrix or frame of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        array, sparse matrix or frame of shape (n_samples, n_selected_features)
            The selected columns; of a frame, they keep their dtypes if the output is set to frames
            of the same kind.
        """
        wanted = _get_output_config("transform", estimator=self)["dense"]
        if wanted != "polars" or type(X).__module__.partition(".")[0] != "polars":
            return super().transform(X)
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, skip_check_array=True)
        if not self.get_support().any():  # without columns, frames have no rows either
            return super().transform(X)
        return X[:, np.flatnonzero(self.get_support()).tolist()]
