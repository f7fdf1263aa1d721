"""The command skmist: tables in, tables and pictures out, exit codes, one-line errors."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skmist import MISTFeatureSelector, __version__, mutual_info_matrix
from skmist._cli import _read, main


@pytest.fixture
def table(tmp_path, rng):
    x = rng.normal(size=60)
    frame = pd.DataFrame({"x": x, "noise": rng.normal(size=60), "s": np.where(x > 0, "u", "d")})
    frame["y"] = x + 0.3 * rng.normal(size=60)
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_rank(table, capsys):
    output = table.with_suffix(".json")
    assert (
        main(["rank", str(table), "--target", "y", "--units", "bits", "--output", str(output)]) == 0
    )
    frame = pd.read_csv(table)
    fitted = MISTFeatureSelector(units="bits").fit(frame[["x", "noise", "s"]], frame["y"])
    records = json.loads(output.read_text())
    assert [r["feature"] for r in records] == ["x", "s", "noise"]
    assert [r["rank"] for r in records] == [1, 2, 3]
    assert records[0]["mi"] == pytest.approx(fitted.scores_[0], rel=1e-6)
    assert "category" in capsys.readouterr().out


def test_other_separators(table, capsys):
    frame = pd.read_csv(table)
    other = table.with_name("other.csv")
    frame.to_csv(other, index=False, sep=";", decimal=",")
    assert main(["rank", str(other), "--target", "y"]) == 2
    assert "parted by something else: --separator" in capsys.readouterr().err
    assert main(["rank", str(table), "--target", "y"]) == 0
    expected = capsys.readouterr().out
    options = ["--separator", ";", "--decimal", ","]
    assert main(["rank", str(other), "--target", "y", *options]) == 0
    assert capsys.readouterr().out == expected


def test_long_files_are_read_at_once(tmp_path, capsys):
    n = 300_000  # pandas reads parts of them by themselves, the first ones as numbers
    codes = np.concatenate([np.arange(n // 2) % 50, np.arange(n // 2) % 50]).astype(str)
    codes[n // 2 :] = np.char.add("A", codes[n // 2 :])
    frame = pd.DataFrame({"code": codes, "y": np.arange(n) % 7, "text": "some long text of a row"})
    frame.to_csv(tmp_path / "long.csv", index=False)
    read = _read(tmp_path / "long.csv", ",", ".")
    assert set(map(type, read["code"])) == {str}


def test_an_interval_without_an_upper_end_in_json(table):
    output = table.with_suffix(".json")
    frame = pd.read_csv(table)
    frame.assign(copy=frame["y"]).to_csv(table, index=False)
    assert main(["rank", str(table), "--target", "y", "--output", str(output)]) == 0
    records = {r["feature"]: r for r in json.loads(output.read_text())}
    assert records["copy"]["high"] == "inf" and records["noise"]["high"] < 1


def test_pictures_without_matplotlib_are_refused_before_the_work(table, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("skmist._cli._read", None)
    output = str(table.with_suffix(".png"))
    assert main(["rank", str(table), "--target", "y", "--output", output]) == 2
    assert "scikit-mist[plot]" in capsys.readouterr().err


def test_help_shows_no_escapes(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["rank", "--help"])
    assert "a 90% interval" in " ".join(capsys.readouterr().out.split())


def test_a_target_that_is_repeated_counts_once(table, capsys):
    printed = []
    for repeats in (1, 2):
        assert main(["rank", str(table), *["--target", "y"] * repeats]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]


def test_version_and_top(table, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"skmist {__version__}\n"
    with pytest.raises(SystemExit, match="2"):
        main(["rank", str(table), "--target", "y", "--top", "1.5"])
    assert "should be a whole number, 1 or more, got 1.5" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".csv", ".md", ".PNG", ".CSV"])
def test_search_and_outputs(table, suffix, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    output = table.with_name("out" + suffix)
    command = ["rank", str(table), "--target", "y", "--strategy", "jmi", "--top", "2"]
    assert main([*command, "--output", str(output)]) == 0
    content = output.read_bytes()
    if suffix == ".PNG":
        assert content.startswith(b"\x89PNG")
    else:
        assert b"x" in content
        assert len(content.decode().splitlines()) == (4 if suffix == ".md" else 3)


def test_search_tells_gains_and_joint_information(table, capsys):
    output = table.with_name("out.csv")
    command = ["rank", str(table), "--target", "y", "--strategy", "joint", "--output", str(output)]
    assert main(command) == 0
    frame = pd.read_csv(table)
    fitted = MISTFeatureSelector(strategy="joint", n_features_to_select=frame.shape[1] - 1)
    path = fitted.fit(frame.drop(columns="y"), frame["y"]).path_
    written = pd.read_csv(output)
    names = frame.columns.drop("y")[path["feature"]]
    assert list(written["feature"][: len(path)]) == list(names)
    np.testing.assert_allclose(written["gain"][: len(path)], path["gain"], rtol=1e-5)
    np.testing.assert_allclose(written["joint"][: len(path)], path["mi"], rtol=1e-5)


def test_types_of_columns(table, capsys):
    output = table.with_name("out.csv")
    pd.read_csv(table).round({"x": 0}).to_csv(table, index=False)
    typed = ["--type", "x=ordinal", "--output", str(output)]
    assert main(["rank", str(table), "--target", "y", *typed]) == 0
    assert pd.read_csv(output).set_index("feature")["type"]["x"] == "ordinal"
    assert main(["matrix", str(table), *typed]) == 0
    frame = pd.read_csv(table)
    expected = mutual_info_matrix(frame, types={"x": "ordinal"})
    assert not np.allclose(expected, mutual_info_matrix(frame), equal_nan=True)
    written = pd.read_csv(output, index_col=0)
    pd.testing.assert_frame_equal(written.loc[expected.index, expected.columns], expected)
    assert main(["matrix", str(table), "--type", "q=category"]) == 2
    assert "there is no column 'q'" in capsys.readouterr().err
    assert main(["matrix", str(table), "--type", "x=category", "--drop", "x"]) == 2
    assert "column 'x' is left out and needs no type" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["matrix", str(table), "--type", "x=number"])
    assert "should be COLUMN=TYPE, TYPE one of continuous, " in capsys.readouterr().err


def test_matrix(table, capsys):
    output = table.with_name("m.csv")
    assert main(["matrix", str(table), "--normalized", "--cluster", "--output", str(output)]) == 0
    written = pd.read_csv(output, index_col=0)
    expected = mutual_info_matrix(pd.read_csv(table), normalized=True)
    pd.testing.assert_frame_equal(written.loc[expected.index, expected.columns], expected)


def test_missing_values(table, capsys):
    frame = pd.read_csv(table)
    frame.loc[:5, "x"] = np.nan
    frame.to_csv(table, index=False)
    assert main(["rank", str(table), "--target", "y"]) == 2
    assert "with --missing pairwise" in capsys.readouterr().err
    assert main(["rank", str(table), "--target", "y", "--missing", "pairwise"]) == 0


def test_parquet_without_pyarrow(table, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    parquet = table.with_suffix(".parquet")
    parquet.write_bytes(b"PAR1")
    assert main(["matrix", str(parquet)]) == 2
    message = "parquet files are {} with pyarrow: pip install scikit-mist[tables]"
    assert message.format("read") in capsys.readouterr().err
    assert main(["matrix", str(table), "--output", str(table.with_name("m.parquet"))]) == 2
    assert message.format("written") in capsys.readouterr().err
    assert not table.with_name("m.parquet").exists()


@pytest.mark.parametrize("writer", ["pandas", "polars"])
def test_parquet(tmp_path, rng, capsys, writer):
    pytest.importorskip("pyarrow")
    n = 80
    x, flag = rng.normal(size=n), rng.random(n) < 0.5
    frame = pd.DataFrame({"x": x, "flag": pd.array(flag, dtype="boolean"), "count": 1})
    frame["count"] = pd.array(rng.integers(0, 5, n), dtype="Int64")
    frame["city"] = rng.choice(["north", "south"], n)
    frame["size"] = pd.Categorical(rng.choice(["S", "M", "L"], n))
    frame["y"] = x + flag + 0.3 * rng.normal(size=n)
    frame.loc[:9, "flag"] = pd.NA
    frame.loc[5:19, "city"] = None
    path, output = tmp_path / "t.parquet", tmp_path / "out.parquet"
    if writer == "pandas":
        frame.to_parquet(path)
    else:
        polars = pytest.importorskip("polars")
        columns = {k: v.astype(object).where(v.notna(), None).tolist() for k, v in frame.items()}
        polars.DataFrame(columns, schema_overrides={"size": polars.Categorical}).write_parquet(path)
    assert main(["rank", str(path), "--target", "y"]) == 2
    assert "with --missing pairwise" in capsys.readouterr().err
    command = ["rank", str(path), "--target", "y", "--missing", "pairwise"]
    assert main([*command, "--output", str(output)]) == 0
    fitted = MISTFeatureSelector(missing="pairwise", n_features_to_select=5)
    fitted.fit(frame.drop(columns="y"), frame["y"])
    written = pd.read_parquet(output)
    order = np.argsort(fitted.ranking_)
    assert list(written["feature"]) == list(fitted.feature_names_in_[order])
    np.testing.assert_allclose(written["mi"], fitted.scores_[order], rtol=1e-5)
    assert list(written["type"]) == list(fitted.feature_types_[order])
    assert list(written["samples"]) == list(fitted.n_samples_used_[order])
    assert list(written.index) == [1, 2, 3, 4, 5]
    command = ["matrix", str(path), "--missing", "pairwise", "--output", str(output)]
    assert main(command) == 0
    matrix = pd.read_parquet(output)
    expected = mutual_info_matrix(frame, missing="pairwise")
    pd.testing.assert_frame_equal(matrix, expected, rtol=1e-4)


def test_a_broken_parquet_file(tmp_path, capsys):
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 and nothing else")
    assert main(["matrix", str(tmp_path / "t.parquet")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("skmist: error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "{}", "--target", "q"], "there is no column 'q'; columns are: x, noise, s, y"),
        (["matrix", "{}", "--output", "nowhere/m.csv"], "there is no directory nowhere"),
        (["rank", "{}", "--target", "y", "--output", "a.doc"], "--output should end in one of"),
        (["matrix", "nowhere.csv"], "there is no file nowhere.csv"),
        (["matrix", "table.xls"], "expected a file that ends in .csv or .parquet"),
    ],
)
def test_errors_take_one_line(table, capsys, arguments, message):
    assert main([a.format(table) for a in arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("skmist: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_usage_errors_exit_with_2(table):
    with pytest.raises(SystemExit, match="2"):
        main(["rank", str(table)])


def test_as_a_command():
    code = "import sys; from skmist._cli import _read, main; sys.exit(main())"
    result = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True)
    assert result.returncode == 0
    assert "rank" in result.stdout


def test_columns_left_out(table, capsys):
    frame = pd.read_csv(table)
    frame["when"] = pd.date_range("2020", periods=len(frame))
    path = table.with_suffix(".parquet")
    frame.to_parquet(path)
    assert main(["matrix", str(path)]) == 2
    assert "'when' has dtype datetime64" in (error := capsys.readouterr().err)
    assert "leave the column out with --drop" in error
    assert main(["rank", str(path), "--target", "y", "--drop", "when", "--drop", "noise"]) == 0
    out = capsys.readouterr().out
    assert " x " in out
    assert "noise" not in out
    for name, message in (("q", "there is no column 'q'"), ("y", "'y' is the target")):
        assert main(["rank", str(path), "--target", "y", "--drop", name]) == 2
        assert message in capsys.readouterr().err


def test_rows_longer_than_the_header(tmp_path, capsys):
    """Pandas would take the first column for an index, and shift all others."""
    path = tmp_path / "t.csv"
    rows = [f"{i},{i % 7},{i % 5}" for i in range(60)]
    tables = []
    for end in ("", ","):  # an empty value at the end of each row is nothing
        path.write_text("x,y,z\n" + "".join(f"{row}{end}\n" for row in rows))
        assert main(["rank", str(path), "--target", "x", "--drop", "y"]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    path.write_text("x,y,z\n" + "".join(f"{row},1\n" for row in rows))
    assert main(["rank", str(path), "--target", "x"]) == 2
    assert "more values than its header" in capsys.readouterr().err


def test_large_identifiers_beside_a_gap(tmp_path, rng, capsys):
    small = rng.permutation(100)
    frame = pd.DataFrame({"y": small + 10 * rng.normal(size=100)})
    for name, values in (("small", small), ("large", small + 2**60)):
        frame[name] = pd.array([*values[:-1].tolist(), None], dtype="Int64")
    frame.to_csv(tmp_path / "t.csv", index=False)
    output = tmp_path / "o.csv"
    command = ["rank", str(tmp_path / "t.csv"), "--target", "y", "--missing", "pairwise"]
    assert main([*command, "--output", str(output)]) == 0
    scores = pd.read_csv(output).set_index("feature")["mi"]
    assert scores["large"] == pytest.approx(scores["small"], abs=1e-6)
    assert scores["large"] > 0.3


def test_columns_named_by_numbers(tmp_path, rng, capsys):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["0", "1", "2"])
    frame.to_parquet(tmp_path / "t.parquet")
    assert main(["rank", str(tmp_path / "t.parquet"), "--target", "2"]) == 0


def test_dates_and_decimal_commas_in_text(tmp_path, rng, capsys):
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60)})
    frame["when"] = pd.date_range("2024-01-01", periods=60).strftime("%Y-%m-%d")
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert main(["rank", str(tmp_path / "t.csv"), "--target", "y"]) == 2
    assert "dates" in capsys.readouterr().err
    assert main(["rank", str(tmp_path / "t.csv"), "--target", "y", "--drop", "when"]) == 0
    frame.drop(columns="when").to_csv(tmp_path / "c.csv", index=False, sep=";", decimal=",")
    main(["rank", str(tmp_path / "c.csv"), "--target", "y", "--separator", ";"])
    assert "'x' look like numbers with a decimal comma" in capsys.readouterr().err
    commas = ["--separator", ";", "--decimal", ","]
    assert main(["rank", str(tmp_path / "c.csv"), "--target", "y", *commas]) == 0
    assert "comma" not in capsys.readouterr().err
    assert main(["rank", str(tmp_path / "c.csv"), "--target", "y", "--separator", ""]) == 2
    assert "one character each" in capsys.readouterr().err
    assert main(["rank", str(tmp_path), "--target", "y"]) == 2
    assert f"expected a file, got the directory {tmp_path}" in capsys.readouterr().err


def test_a_slip_among_numbers_is_named(tmp_path, rng, capsys):
    x = rng.integers(0, 30, 100)
    frame = pd.DataFrame({"x": x.astype(str), "y": x + rng.normal(size=100)})
    frame.loc[3, "x"] = "?"
    frame.to_csv(tmp_path / "t.csv", index=False)
    assert main(["rank", str(tmp_path / "t.csv"), "--target", "y"]) == 0
    assert "'x' are numbers, but for some such as '?'" in capsys.readouterr().err
    assert main(["rank", str(tmp_path / "t.csv"), "--target", "y", "--type", "x=category"]) == 0
    assert "but for some" not in capsys.readouterr().err


def test_names_that_the_encoding_lacks_are_escaped(table, monkeypatch):
    pd.read_csv(table).rename(columns={"noise": "größe"}).to_csv(table, index=False)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["rank", str(table), "--target", "y"]) == 0
    assert rb"gr\xf6\xdfe" in out.buffer.getvalue()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error(table, monkeypatch, capsys):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["rank", str(table), "--target", "y"]) == 2
        monkeypatch.undo()
    assert "skmist: error: [Errno 28]" in capsys.readouterr().err
