"""Full verification of a log, beside `sha256sum` of the same files: the floor for anything that reads them.

    python bench/audit_verify.py [--records 10000 1000000] [--signed 50000] [--jobs 2] [--folder DIR]

Prints wall and processor seconds, records/s of either, and the peak memory of parent and workers. The log is
that of `audit_city.py`: three of four records are receipts, whose signatures are made up and not checked for
want of certificates. In the last row's log they are genuine, so that the share of ECDSA is seen. `--folder`
verifies a log that `audit_city.py` wrote before.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from audit_city import ORIGIN, public_key, signing_key, write_city
from audit_files import write_log
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from exchange.audit.records.deliveries import STATEMENT_PREFIX, delivery
from exchange.audit.records.kinds import CertificateRecord
from exchange.audit.records.record import Record, moment
from exchange.audit.storage.layout import Layout
from exchange.audit.verify import verify
from exchange.model.canonical import canonical
from exchange.model.receipt import End, Outcome, Receipt, Received, Start

SPEAKER = "spiffe://port.zhongshui.example/connector"
READER = "spiffe://emergency.zhongshui.example/system/dispatch"


def signed_lines(count: int) -> Iterator[bytes]:
    """A certificate, then accesses of which each record is a genuine receipt."""
    key = ec.generate_private_key(ec.SECP256R1())
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = x509.CertificateBuilder(
        x509.Name([]), x509.Name([]), key.public_key(), 7, start, start + dt.timedelta(days=3)
    ).add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(SPEAKER)]), critical=True)
    der = built.sign(key, SHA256()).public_bytes(Encoding.DER)
    first = CertificateRecord(
        subject=SPEAKER, role="signer", certificate=hashlib.sha256(der).hexdigest(), der=der.hex()
    )
    for index, record in enumerate(_receipts(first, count, key, der.hex())):
        yield record.encode().line(index, moment(1_795_000_000_000_000 + index).encode())


def _receipts(first: Record, count: int, key: ec.EllipticCurvePrivateKey, der: str) -> Iterator[Record]:
    yield first
    for number in range(count - 1):
        ticket, digest = f"{number // 3:032x}", "cd" * 32
        told = {"ticket": ticket, "rows": 9, "bytes": 504, "batches": 1, "digest": digest}
        statement = (
            Start(ticket=ticket, connector=SPEAKER, subject=READER, dataset="port.flights", at_us=1),
            End(**told, connector=SPEAKER, outcome=Outcome.COMPLETE, started_us=1, ended_us=2),
            Received(**told, consumer=READER, outcome=Outcome.COMPLETE, at_us=3),
        )[number % 3]
        text = canonical(statement.model_dump(mode="json"))
        signature = key.sign(STATEMENT_PREFIX + text, ec.ECDSA(SHA256()))
        receipt = Receipt(statement=text.decode(), signature=signature.hex(), certificate=der)
        yield delivery(receipt, subject=READER, dataset="port.flights")


def processor_s() -> float:
    """Of this process and its children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def measure(name: str, folder: Path, jobs: int) -> None:
    """One row: verification, and the floor."""
    cpu, wall = processor_s(), time.perf_counter()
    verdict = verify(folder, public_key(), jobs=jobs)
    cpu, wall = processor_s() - cpu, time.perf_counter() - wall
    assert verdict.whole, verdict.findings
    files = Layout(folder).segments()
    floor_cpu, floor = processor_s(), time.perf_counter()
    subprocess.run(
        ["/usr/bin/xargs", "-P", str(jobs), "-n", "1", "sha256sum"],
        input="\n".join(map(str, files)).encode(),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    floor_cpu, floor = processor_s() - floor_cpu, time.perf_counter() - floor
    count = verdict.records
    peak = [
        resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    print(
        f"{name:<22}{count:>11,}{wall:>9.1f}{cpu:>9.1f}{count / wall:>11,.0f}{count / cpu:>11,.0f}"
        f"{verdict.receipts:>10,}{floor:>9.1f}{floor_cpu:>9.1f}{peak[0]:>7}{peak[1]:>8}",
        flush=True,
    )


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="*", default=[10_000, 1_000_000])
    parser.add_argument("--signed", type=int, default=50_000)
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    print(
        f"{'log':<22}{'records':>11}{'wall s':>9}{'cpu s':>9}{'/s wall':>11}{'/s core':>11}{'receipts':>10}"
        f"{'sha256':>9}{'cpu s':>9}{'MB':>7}{'worker':>8}"
    )
    if options.folder is not None:
        measure(options.folder.name, options.folder, options.jobs)
        return
    with tempfile.TemporaryDirectory() as made:
        for count in options.records:
            write_city(Path(made, str(count)), count)
            measure("city", Path(made, str(count)), options.jobs)
        write_log(Path(made, "signed"), signed_lines(options.signed), origin=ORIGIN, key=signing_key())
        measure("all receipts genuine", Path(made, "signed"), options.jobs)


if __name__ == "__main__":
    main()
