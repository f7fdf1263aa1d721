"""
Which features tell how diabetes will progress?
===============================================

Ten measurements of 442 patients, and a score of how far their disease went on within a year
(scikit-learn's diabetes data). How much does each measurement tell about the score, how sure is
that, and how much do all ten tell together?

Run it with ``make demo``, or with ``python doc/examples/plot_diabetes.py [FILE]``.
"""

# %%
# One pass over the features
# --------------------------
# :class:`~skmist.MISTFeatureSelector` asks the network about every feature in one batch. The
# intervals are part of the answer; the p-values come from permutations of the target.

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.feature_selection import mutual_info_regression

from skmist import MISTEstimator, MISTFeatureSelector
from skmist.baselines import ksg_mi

start = time.perf_counter()
X, y = load_diabetes(return_X_y=True, as_frame=True)
selector = MISTFeatureSelector(n_features_to_select=5, pvalues=True).fit(X, y)

# %%
# All ten together
# ----------------
# The joint information is no sum of ten numbers: features share information (the blood serum
# values s1 and s2 do, for instance), and some tell more in company.
# :class:`~skmist.MISTEstimator` takes X as one vector.

joint = MISTEstimator(pvalue=True).fit(X, y)

# %%
# The nearest-neighbour estimates beside them
# -------------------------------------------
# scikit-learn's ``mutual_info_regression`` sees one feature at a time; for all ten, the same kind
# of estimator stands in :mod:`skmist.baselines`.

discrete = selector.feature_types_ != "continuous"
neighbours = mutual_info_regression(X, y, discrete_features=discrete, random_state=0)
neighbours_joint = ksg_mi(X, y)

# %%
# Table
# -----


def row(name, mi, interval, pvalue, reference, kept=""):
    """Return one line of the table."""
    low, high = interval
    return (
        f"{name:>12}  {mi:6.3f}  [{low:.3f}, {high:.3f}]  {pvalue:7.4f}  {reference:8.3f}  {kept}"
    )


print(f"Information about the progression of diabetes, in nats ({len(y)} patients)\n")
print("     feature      MI      90% interval   p-value       KSG  kept")
for j in np.argsort(selector.ranking_):
    print(
        row(
            X.columns[j],
            selector.scores_[j],
            selector.intervals_[j],
            selector.pvalues_[j],
            neighbours[j],
            "yes" if selector.support_[j] else "",
        )
    )
print(row("all together", joint.mi_, joint.interval_, joint.pvalue_, neighbours_joint))
print("\nKSG: scikit-learn's mutual_info_regression; all together: skmist.baselines.ksg_mi.")
print(f"p-values: {joint.n_permutations} permutations of the progression.")

# %%
# Picture
# -------

order = np.argsort(-selector.ranking_)
names = ["all together", *X.columns[order]]
values = np.r_[joint.mi_, selector.scores_[order]]
intervals = np.vstack([joint.interval_, selector.intervals_[order]])
places = np.arange(len(names))

fig, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.barh(places, values, color=["tab:orange"] + ["tab:blue"] * len(order), alpha=0.75)
ax.hlines(places, intervals[:, 0], intervals[:, 1], color="black", label="90% interval")
ax.plot(np.r_[neighbours_joint, neighbours[order]], places, "D", color="tab:red", ms=5, label="KSG")
ax.set_yticks(places, names)
ax.set_xlabel("mutual information with the progression of diabetes (nats)")
fig.legend(loc="outside upper right", ncols=3)

if len(sys.argv) > 1:
    picture = Path(sys.argv[1])
    picture.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(picture, dpi=150)
    print(f"\nPicture: {picture}  ({time.perf_counter() - start:.1f} s in all)")
