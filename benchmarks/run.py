"""Measure everything that `docs/speed.md` says of speed, on this machine: tables and a plot.

    python benchmarks/run.py                  all of it, about ten minutes
    python benchmarks/run.py --only motion    one part anew, the others as they were measured before
    python benchmarks/run.py --quick          tiny sizes, to see that it runs

Writes benchmarks.json, benchmarks.md, benchmarks.pdf and .png to results/benchmarks. With --docs the tables and the
plot of docs/speed.md, too.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import apart
import dry_run
import effective
import listing
import plot
import spectra
import start_up

from jamming.documents.generated import between_marks
from jamming.storage.files import write_whole

ROOT = Path(__file__).resolve().parents[1]
ANALYSIS_THREADS = (1, 2)
PARTS = {
    "training_step": lambda quick, threads: apart.call("training_step", "measure", 1, quick=quick),
    "scaling": lambda quick, threads: apart.call("scaling", "measure", 1, quick=quick),
    "motion": lambda quick, threads: apart.call("motion", "measure", 1, quick=quick),
    "dry_run": lambda quick, threads: dry_run.measure(quick),
    "spectra": spectra.measure,
    "effective": effective.measure,
    "start_up": lambda quick, threads: start_up.measure(quick),
}
"""The measurement of each part. Steps are measured on one thread, since two trainings use two cores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="tiny sizes")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these parts; none to draw what was measured before")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "benchmarks", help="the folder of the results")
    parser.add_argument("--docs", action="store_true", help="write tables and plot into docs/, too")
    arguments = parser.parse_args()

    results = arguments.out / "benchmarks.json"
    earlier = arguments.only is not None and results.exists()
    data = json.loads(results.read_text(encoding="utf-8")) if earlier else {}
    most = 1 if arguments.quick else os.cpu_count() or 1
    threads = [number for number in ANALYSIS_THREADS if number <= most]
    data["machine"] = apart.call("machine", "describe", 1)
    for name in PARTS if arguments.only is None else arguments.only:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        data[name] = PARTS[name](arguments.quick, threads)
        write_whole(results, (json.dumps(data, indent=1) + "\n").encode())

    lines = listing.markdown(data)
    print("\n".join(lines))
    write_whole(arguments.out / "benchmarks.md", "\n".join([*lines, ""]).encode())
    for suffix in ("pdf", "png"):
        write_whole(arguments.out / f"benchmarks.{suffix}", plot.saved(data, suffix))
    if arguments.docs:
        page = ROOT / "docs" / "speed.md"
        text = between_marks(page.read_text(encoding="utf-8"), "benchmarks", lines, by="make benchmarks")
        write_whole(page, text.encode())
        write_whole(ROOT / "docs" / "speed.png", plot.saved(data, "png", dpi=120))


if __name__ == "__main__":
    main()
