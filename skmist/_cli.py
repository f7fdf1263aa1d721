"""The command ``skmist``: rank the columns of a file, or all its pairs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skmist._clustering import cluster_order
from skmist._encoding import TYPES
from skmist._feature_selection import MISTFeatureSelector
from skmist._functions import mutual_info_matrix
from skmist._numbers import EXACT
from skmist._version import __version__

DATE = r"\d{4}-\d\d?-\d\d?([ T]\d\d?:\d\d.*)?|\d\d?[./]\d\d?[./]\d{4}( \d\d?:\d\d.*)?"
MOSTLY = 0.9  # share of numbers among the texts of a column, from which the others look like slips
DECIMAL_COMMA = r"\s*-?\d+,\d+\s*"
OUTPUTS = (".csv", ".json", ".md", ".parquet", ".png")


class _UsageError(Exception):
    """What is wrong with the input, in one line."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 if the usage or the input is wrong."""
    args = _parser().parse_args(argv)
    try:
        if args.output is not None and _suffix(args.output) not in OUTPUTS:
            raise _UsageError(f"--output should end in one of {', '.join(OUTPUTS)}")
        if args.output is not None and not args.output.parent.is_dir():  # before the work
            raise _UsageError(f"there is no directory {args.output.parent} for --output")
        if args.output is not None and _suffix(args.output) == ".parquet":
            _check_parquet("written")
        if args.output is not None and _suffix(args.output) == ".png":
            _check_pictures()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            frame = args.run(args)
    except (_UsageError, ValueError, TypeError, OSError, ImportError) as error:
        text = " ".join(str(error).split()).replace("missing='pairwise'", "--missing pairwise")
        if "convert dates" in text or "not missing in column" in text:
            text += " Or leave the column out with --drop."
        print(f"skmist: error: {text}", file=sys.stderr)
        return 2
    for text in dict.fromkeys(str(w.message) for w in caught):
        print(f"skmist: warning: {text}", file=sys.stderr)
    if hasattr(sys.stdout, "reconfigure"):  # names that the encoding lacks are escaped
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        print(frame.to_string(float_format=lambda v: f"{v:.4g}"), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a full disk
        print(f"skmist: error: {error}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skmist", description="Mutual information of the columns of a CSV or parquet file."
    )
    parser.add_argument("--version", action="version", version=f"skmist {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    rank = commands.add_parser(
        "rank",
        help="rank the columns by what they tell about a target",
        description="Rank the columns by what they tell about a target. mi, low and high are of "
        "each column by itself, with a 90% interval. With a strategy other than relevance, rank "
        "is the order in which the search chose them, gain what a column added by the strategy's "
        "measure, and joint the information of all columns up to it together.",
    )
    rank.add_argument("--target", required=True, action="append", help="column; may be repeated")
    rank.add_argument(
        "--strategy",
        choices=["relevance", "mrmr", "jmi", "joint"],
        default="relevance",
        help="how columns are judged (default: relevance)",
    )
    rank.add_argument("--top", type=positive, help="number of columns (default: all)")
    rank.add_argument("--pvalues", action="store_true", help="add a p-value of independence")
    rank.set_defaults(run=_rank)
    matrix = commands.add_parser("matrix", help="mutual information of all pairs of columns")
    matrix.add_argument("--normalized", action="store_true", help="from 0 to 1")
    matrix.add_argument("--cluster", action="store_true", help="put related columns together")
    matrix.set_defaults(run=_matrix)
    for command in (rank, matrix):
        command.add_argument(
            "table", metavar="TABLE", type=Path, help="file, .csv or .parquet, with a header"
        )
        command.add_argument("--separator", default=",", help="of values in a .csv file")
        command.add_argument("--decimal", default=".", help="decimal point in a .csv file")
        command.add_argument(
            "--drop", action="append", default=[], help="column to leave out; may be repeated"
        )
        command.add_argument(
            "--type",
            action="append",
            default=[],
            type=_typed,
            metavar="COLUMN=TYPE",
            help=f"type of a column ({', '.join(TYPES)}), such as postcode=category; may be "
            "repeated (default: inferred)",
        )
        command.add_argument(
            "--output",
            type=Path,
            help=f"file, {', '.join(OUTPUTS)}; .png draws bars, the path of a search or the matrix",
        )
        command.add_argument(
            "--units", choices=["nats", "bits"], default="nats", help="(default: nats)"
        )
        command.add_argument(
            "--missing",
            choices=["error", "pairwise"],
            default="error",
            help="what to do about missing values: an error, or leave out the rows concerned "
            "(default: error)",
        )
        command.add_argument("--n-jobs", type=int, help="batches at once (default: 1)")
    return parser


def positive(text: str) -> int:
    """Read a number of the command line that should be whole and 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"should be a whole number, 1 or more, got {text}")
    return int(text)


def _typed(text: str) -> tuple[str, str]:
    name, sign, kind = text.rpartition("=")
    if not sign or kind not in TYPES:
        types = ", ".join(TYPES)
        raise argparse.ArgumentTypeError(f"should be COLUMN=TYPE, TYPE one of {types}, got {text}")
    return name, kind


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def _read(path: Path, separator: str, decimal: str) -> Any:
    """Read a table; the suffix says what it is."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _UsageError("tables are read with pandas: pip install scikit-mist[tables]") from error
    if path.is_dir():
        raise _UsageError(f"expected a file, got the directory {path}")
    if len(separator) != 1 or len(decimal) != 1:
        raise _UsageError("--separator and --decimal are one character each")
    if _suffix(path) not in (".csv", ".parquet"):
        raise _UsageError(f"expected a file that ends in .csv or .parquet, got {path.name}")
    if not path.is_file():
        raise _UsageError(f"there is no file {path}")
    if _suffix(path) == ".csv":
        return _read_csv(path, sep=separator, decimal=decimal, index_col=False)
    _check_parquet("read")
    return pd.read_parquet(path, engine="pyarrow")


def _read_csv(path: Path, **options: Any) -> Any:
    """Read a file of values; whole numbers keep all of their digits where some are missing."""
    import pandas as pd

    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Length of header", pd.errors.ParserWarning)
        try:
            frame = pd.read_csv(path, low_memory=False, **options)
        except pd.errors.ParserWarning as error:
            raise _UsageError(
                f"rows of {path.name} have more values than its header (values may be parted by "
                "something else: --separator)"
            ) from error
        floating = [name for name in frame if getattr(frame.dtypes[name], "kind", "") == "f"]
        gaps = [name for name in floating if frame[name].isna().any()]
        if large := [name for name in gaps if (frame[name].abs() >= EXACT).any()]:
            with contextlib.suppress(ValueError, TypeError):  # not whole numbers after all
                types = dict.fromkeys(large, "Int64")
                return pd.read_csv(path, low_memory=False, dtype=types, **options)
    return frame


def _check_parquet(what: str) -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise _UsageError(
            f"parquet files are {what} with pyarrow: pip install scikit-mist[tables]"
        ) from error


def _check_pictures() -> None:
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise _UsageError(
            "pictures are drawn with matplotlib: pip install scikit-mist[plot]"
        ) from error


def _columns(args: argparse.Namespace, needed: Sequence[str] = ()) -> Any:
    """Read the table, check names, and leave columns out."""
    frame = _read(args.table, args.separator, args.decimal)
    if _suffix(args.table) == ".csv":
        frame = _with_dates(frame, args)
    frame.columns = [str(name) for name in frame.columns]  # as they are named on the command line
    types = dict(args.type)
    if absent := [name for name in [*args.drop, *needed, *types] if name not in frame]:
        columns = ", ".join(map(str, frame.columns))
        alone = frame.shape[1] == 1 and _suffix(args.table) == ".csv"
        hint = " (values may be parted by something else: --separator)" if alone else ""
        raise _UsageError(f"there is no column {absent[0]!r}; columns are: {columns}{hint}")
    if both := [name for name in needed if name in args.drop]:
        raise _UsageError(f"column {both[0]!r} is the target and cannot be left out")
    if both := [name for name in types if name in args.drop]:
        raise _UsageError(f"column {both[0]!r} is left out and needs no type")
    return frame.drop(columns=args.drop)


def _with_dates(frame: Any, args: argparse.Namespace) -> Any:
    """Return the frame with dates told from other text; say where numbers are read as text."""
    import pandas as pd

    for name in frame.columns:
        column = frame[name].dropna()
        if pd.api.types.is_numeric_dtype(column) or not len(column):
            continue
        text = column.astype(str)
        if text.str.fullmatch(DATE).all():
            dates = pd.to_datetime(frame[name], errors="coerce", format="mixed", utc=True)
            if dates.notna().sum() == len(column):
                frame[name] = dates
            continue
        if name in dict(args.type):
            continue
        number = pd.to_numeric(text.str.replace(args.decimal, "."), errors="coerce").notna()
        if number.mean() >= MOSTLY and not number.all():
            other = text[~number].iloc[0]
            warnings.warn(
                f"the values of {name!r} are numbers, but for some such as {other!r}: all of them "
                "are read as text, as labels without an order; mend the file, or leave these cells "
                "empty.",
                stacklevel=2,
            )
        elif args.decimal == "." and text.str.fullmatch(DECIMAL_COMMA).all():
            warnings.warn(
                f"the values of {name!r} look like numbers with a decimal comma, and are read as "
                "text: --decimal ,",
                stacklevel=2,
            )
    return frame


def _rank(args: argparse.Namespace) -> Any:
    import pandas as pd

    args.target = list(dict.fromkeys(args.target))
    frame = _columns(args, args.target)
    X, y = frame.drop(columns=args.target), frame[args.target]
    x_types, y_type = (
        {name: kind for name, kind in args.type if name in side} or "auto" for side in (X, y)
    )
    if not X.shape[1]:
        raise _UsageError("there is no column beside the target")
    selector = MISTFeatureSelector(
        strategy=args.strategy,
        x_types=x_types,
        y_type=y_type,
        n_features_to_select=min(args.top or X.shape[1], X.shape[1]),
        pvalues=args.pvalues,
        units=args.units,
        missing=args.missing,
        n_jobs=args.n_jobs,
    ).fit(X, y)
    low, high = selector.intervals_.T
    steps = {}
    if args.strategy != "relevance":
        path = selector.path_
        steps = {
            name: pd.Series(path[field], index=path["feature"]).reindex(range(X.shape[1]))
            for name, field in (("gain", "gain"), ("joint", "mi"))
        }
    table = pd.DataFrame(
        {"rank": selector.ranking_, "feature": list(X.columns), "mi": selector.scores_}
        | {"low": low, "high": high}
        | steps
        | ({"pvalue": selector.pvalues_} if args.pvalues else {})
        | {"type": selector.feature_types_, "samples": selector.n_samples_used_}
    )
    table = table[selector.support_].sort_values("rank").set_index("rank")
    if args.output is not None and _suffix(args.output) == ".png":
        from skmist._display import MutualInfoDisplay

        kind = "bars" if args.strategy == "relevance" else "path"
        _save(MutualInfoDisplay.from_estimator(selector, kind=kind, top=args.top or 30), args)
    else:
        _write(table, args.output)
    return table


def _matrix(args: argparse.Namespace) -> Any:
    frame = _columns(args)
    table = mutual_info_matrix(
        frame, types=dict(args.type) or "auto", normalized=args.normalized, units=args.units,
        missing=args.missing, n_jobs=args.n_jobs,
    )  # fmt: skip
    if args.cluster:
        order = cluster_order(table)
        table = table.iloc[order, order]
    if args.output is not None and _suffix(args.output) == ".png":
        from skmist._display import MutualInfoDisplay

        units = "normalized" if args.normalized else args.units
        label = f"mutual information ({units})"
        names = [str(name) for name in table.columns]
        _save(MutualInfoDisplay("matrix", table.to_numpy(), names, label=label).plot(), args)
    else:
        _write(table, args.output)
    return table


def _write(table: Any, path: Path | None) -> None:
    """Write a table in the format that the suffix says."""
    if path is None:
        return
    if _suffix(path) == ".csv":
        table.to_csv(path)
    elif _suffix(path) == ".parquet":
        table.to_parquet(path, engine="pyarrow")
    elif _suffix(path) == ".json":
        orient = "records" if table.index.name else "index"
        flat = table.reset_index() if table.index.name else table
        flat = flat.astype(object).replace(np.inf, "inf")  # JSON has no number for it, only null
        flat.to_json(path, orient=orient, indent=1)
    else:
        flat = table.reset_index()
        rows = [list(flat.columns), ["---"] * flat.shape[1], *flat.itertuples(index=False)]
        path.write_text("".join(f"| {' | '.join(map(_cell, row))} |\n" for row in rows), "utf-8")


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|")


def _save(display: Any, args: argparse.Namespace) -> None:
    display.figure_.savefig(args.output, dpi=150)
