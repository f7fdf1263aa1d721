"""The command ``python -m benchmarks``; see README.md beside this file."""

from __future__ import annotations

import argparse

from benchmarks import accuracy
from benchmarks.trust import commands as trust


def main() -> None:
    """Parse the command line and run what it asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    for suite in accuracy.SUITES:
        accuracy.add_arguments(commands.add_parser(suite, help=f"accuracy on the suite {suite}"))
    accuracy.add_arguments(commands.add_parser("accuracy", help="accuracy on all suites"))
    speed_parser = commands.add_parser("speed", help="time and memory against peers")
    speed_parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    speed_parser.add_argument("--quick", action="store_true", help="small sizes only")
    speed_parser.add_argument("--n-jobs", type=int, default=1, help="for both sides")
    speed_parser.add_argument("--neural", help="Python that has torch-mist, to time its peers anew")
    latency_parser = commands.add_parser("latency", help="milliseconds of one estimate")
    latency_parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    latency_parser.add_argument("--threads", type=int, default=2, help="beside one (default: 2)")
    tables_parser = commands.add_parser("tables", help="feature selection on real tables")
    tables_parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    tables_parser.add_argument("--quick", action="store_true", help="few repeats")
    tables_parser.add_argument("--parts", help="some parts only, such as stopping,conditional")
    large_parser = commands.add_parser("large", help="time and memory of very large tables")
    large_parser.add_argument("--checkpoint", help="weights to load (default: the released ones)")
    large_parser.add_argument("--quick", action="store_true", help="small sizes only")
    large_parser.add_argument("--n-jobs", type=int, default=1, help="batches at once")
    trust.add_commands(commands)
    commands.add_parser("report", help="tables, plots and the model card from the CSV files")
    args = parser.parse_args()

    if args.command in accuracy.SUITES:
        accuracy.main([args.command], args)
    elif args.command == "accuracy":
        accuracy.main(list(accuracy.SUITES), args)
    elif args.command == "speed":
        from benchmarks import speed

        speed.main(args)
    elif args.command == "latency":
        from benchmarks import latency

        latency.main(args)
    elif args.command == "tables":
        from benchmarks import realdata

        realdata.main(args)
    elif args.command == "large":
        from benchmarks import speed_large

        speed_large.main(args)
    elif args.command in trust.SUITES:
        trust.main(args)
    elif args.command == "report":
        from benchmarks import report

        report.main()
    else:  # everything that is not on file yet, and the network anew
        from benchmarks import latency, realdata, report, speed, speed_large

        accuracy.main(
            list(accuracy.SUITES),
            parser.parse_args(["accuracy", "--estimators", "all", "--no-report"]),
        )
        realdata.main(parser.parse_args(["tables"]))
        for suite in trust.SUITES:
            trust.main(parser.parse_args([suite, "--no-report"]))
        speed.main(parser.parse_args(["speed"]))
        latency.main(parser.parse_args(["latency"]))
        speed_large.main(parser.parse_args(["large"]))
        report.main()


if __name__ == "__main__":
    main()
