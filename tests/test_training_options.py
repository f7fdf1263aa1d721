"""Training runs that cannot be gone on with, and options that cannot be used."""

import pytest

from skmist._training.cli import main
from skmist._training.export import export, starting_point
from skmist._training.state import STATE, CsvLog, load_state
from skmist._training.trainer import Trainer, TrainOptions
from skmist.core import CoreConfig

SMALL = CoreConfig(width=16, pair_width=8, n_layers=1, n_heads=2, row_width=8, head_width=32)


@pytest.fixture
def run(tmp_path):
    trainer = Trainer(tmp_path / "run", TrainOptions(preset="pairs", seed=3), SMALL)
    trainer.position = 7
    trainer.save()
    return tmp_path / "run"


def test_a_run_of_another_preset_or_seed_is_refused(run):
    with pytest.raises(ValueError, match="preset 'pairs', got 'paper'"):
        Trainer(run, TrainOptions(preset="paper"))
    with pytest.raises(ValueError, match="seed 3, got 0"):
        Trainer(run, TrainOptions(preset="pairs", seed=0))
    for seed in (None, 3):
        again = Trainer(run, TrainOptions(preset="pairs", seed=seed))
        assert (again.seed, again.position) == (3, 7)


def test_the_stream_of_a_checkpoint_goes_on_unless_another_seed_is_given(run, tmp_path):
    path = export(run, tmp_path / "weights.safetensors")
    for seed, expected in ((None, (3, 7)), (3, (3, 7)), (5, (5, 0))):
        options = TrainOptions(preset="pairs", seed=seed)
        again = Trainer(tmp_path / f"next {seed}", options, **starting_point(path, "pairs"))
        assert (again.seed, again.position) == expected


def test_the_command_says_what_is_gone_on_with(run, tmp_path, capsys):
    path = export(run, tmp_path / "weights.safetensors")
    options = ["--preset", "pairs", "--device", "cpu", "--minutes", "0", "--resume", str(run)]
    assert main(["train", *options[:-1], str(tmp_path), "--preset", "paper", "--ema", "1"]) == 2
    assert "ema should be" in capsys.readouterr().err
    assert main(["train", *options, "--preset", "paper"]) == 2
    assert "holds a run of the preset 'pairs'" in capsys.readouterr().err
    assert main(["train", *options, "--start-from", str(path), "--device", "none"]) == 2
    told = capsys.readouterr()
    assert "--start-from is not read" in told.out and "none that torch knows" in told.err


@pytest.mark.parametrize(
    ("name", "value"),
    [("accumulate", 0), ("repeats", 0), ("budget", 0.0), ("minutes", float("nan")), ("lr", -1.0),
     ("minutes", -1.0), ("ema", 1.0), ("share", 1.1), ("share", float("nan"))],
)  # fmt: skip
def test_options_that_cannot_be_used(name, value):
    with pytest.raises(ValueError, match=f"{name} should"):
        TrainOptions(**{name: value})


@pytest.mark.parametrize("part", [STATE, "weights-0.pt"])
def test_damaged_states_are_named(run, part):
    content = (run / part).read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for damaged in (content[:middle], b"no state", b"(1", flipped):
        if part == STATE and damaged is flipped:
            continue  # it is small, and no other file tells its digest
        (run / part).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{part} is damaged"):
            load_state(run)


def test_rows_of_a_log_that_cannot_be_read_are_left_out(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("step,loss\n1,0.5\nno,0.5\n2,0.4\n3,0.3\n4")
    CsvLog(path, ("step", "loss"), 2).write(step=5, loss=0.25)
    assert path.read_text().split() == ["step,loss", "1,0.5", "2,0.4", "5,0.25"]
    CsvLog(path, ("step", "loss", "new"), 2)
    assert path.read_text().split() == ["step,loss,new", "1,0.5,", "2,0.4,"]
    path.write_text("some,other\n1,2\n")
    CsvLog(path, ("step", "loss"), 2)
    assert path.read_text().split() == ["step,loss"]


def test_what_a_kill_left_half_written_is_removed(run):
    (run / "weights-5.pt.new").write_bytes(b"half")
    Trainer(run, TrainOptions(preset="pairs")).save()
    assert not list(run.glob("*.new"))
