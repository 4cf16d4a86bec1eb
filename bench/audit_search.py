"""Build the index of a made-up log and ask it what auditors ask.

    python bench/audit_search.py [--records 10000 1000000] [--log FOLDER]

Prints, for each size: records/s of building on one core, bytes of index for a record, peak memory, and for
each question the time of a whole search (refreshing, asking, reading and checking up to 50 records), best of
three.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from audit_city import BEGUN_US, dataset, write_city

from exchange.audit.index.build import refresh
from exchange.audit.index.newest import newest, single
from exchange.audit.index.question import Question
from exchange.audit.index.search import search

DAY_US = 86_400_000_000


def questions(log: Path, index: Path) -> dict[str, Question]:
    """What is asked, by a name for the table."""
    (one,) = search(log, index, Question(kind="end"), newest=False, limit=1).entries
    return {
        "newest of all": Question(),
        "a subject": Question(subject="d07.zhongshui.example/system/s03"),
        "a rare subject": Question(subject="d63.zhongshui.example/system/s11"),
        "a dataset": Question(dataset=dataset(1836)),
        "refusals of a department": Question(department="d12", decision="deny"),
        "a column of a dataset": Question(column="地区", dataset=dataset(1)),
        "a rule": Question(rule="grants.csv:1836"),
        "refusals of a day": Question(from_us=BEGUN_US, to_us=BEGUN_US + DAY_US, decision="deny"),
        "an access id, the oldest": Question(id=str(one.fields["id"])),
        "the beginning of an id": Question(id=str(one.fields["id"])[:8]),
        "free text, frequent": Question(text="TAILNUM"),
        "free text, Chinese": Question(text="季度复核 13:"),
        "free text, nowhere": Question(text="nowhere at all"),
        "free text, hex": Question(text="deadbeef"),
    }


def best_ms(act: object, rounds: int = 3) -> float:
    """The shortest of some runs."""
    assert callable(act)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return min(times) * 1e3


def measure(log: Path, index: Path) -> None:
    """The table of one log."""
    begun, cpu = time.perf_counter(), time.process_time()
    size = refresh(log, index)
    took, busy = time.perf_counter() - begun, time.process_time() - cpu
    each = sum(path.stat().st_size for path in index.iterdir()) / size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{size:,} records: built at {size / took:,.0f}/s ({size / busy:,.0f} per second of one core),")
    print(f"  {each:.0f} bytes of index a record, {peak:.0f} MB at most")
    print(f"  {'question':<28}{'hits':>10}{'search ms':>11}{'count ms':>10}")
    for name, question in questions(log, index).items():
        counted = search(log, index, question, limit=0, count=True).count
        shown = best_ms(lambda question=question: search(log, index, question))
        count = best_ms(lambda question=question: search(log, index, question, limit=0, count=True))
        print(f"  {name:<28}{counted:>10,}{shown:>11.0f}{count:>10.0f}")
    print(f"  {'list, the newest 50':<38}{best_ms(lambda: newest(log, last=50)):>11.1f}")
    print(f"  {'show, one record':<38}{best_ms(lambda: single(log, size // 3)):>11.1f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {peak:.0f} MB at most, searching included")


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument(
        "--log", type=Path, default=None, help="a log that is there; its index is made beside"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.log:
            measure(options.log, Path(folder, "index"))
            return
        for records in options.records:
            log = Path(folder, str(records))
            write_city(log, records)
            measure(log, Path(folder, f"{records}-index"))


if __name__ == "__main__":
    main()
