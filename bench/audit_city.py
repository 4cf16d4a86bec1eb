"""The log of a large city, made up: 64 departments, 4,095 datasets, a few of which almost everybody asks for.

    python bench/audit_city.py FOLDER [--records 1000000] [--seed 1]

An access is a decision, and where it was allowed a start, an end and a receipt; one in eight is refused.
Between them stand records of every other kind. The key that signs is derived from the seed; its public half
is printed. The receipts' statements agree with their records, but their signatures are made up and their
certificates are not in the log, so that verification remarks that it knows no signer.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audit_files import write_log
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.note import VerifierKey, verifier_key
from exchange.audit.records.record import moment

DOMAIN = "zhongshui.example"
ORIGIN = f"{DOMAIN}/audit"
DEPARTMENTS, DATASETS, SYSTEMS = 64, 4095, 12
BEGUN_US = 1_735_689_600_000_000
"""2025-01-01T00:00:00Z; a year and a half for ten million records."""
ACCESS_US, RECORD_US = 16_000_000, 400_000
"""Time between accesses, and between the records of one, on average."""
_MINUTE_US = 60_000_000
PURPOSES = ("emergency-response", "transport-research", "stewardship", "press-inquiry", "应急演练", "audit")
REASONS = ("no-grant", "purpose-not-granted", "state-closed", "unknown-dataset", "window-used-up")
NAMES = ("flights", "observations", "aircraft", "permits", "meters", "挂号", "bridges", "hydrants")
PREDICATES = (
    '\\"dep_delay\\" > ?',
    '\\"district\\" = ? AND \\"year\\" >= ?',
    '\\"地区\\" IN (?, ?, ?)',
    "",
    "",
)
COLUMNS = ("year", "month", "day", "origin", "dest", "tailnum", "dep_delay", "district", "地区", "value")


def dataset(number: int) -> str:
    """A dataset's id; the datasets go round the departments."""
    return f"d{number % DEPARTMENTS:02d}.{NAMES[number % len(NAMES)]}-{number}"


def signing_key(seed: int = 1) -> Ed25519PrivateKey:
    """The key of the made-up log."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"audit city %d" % seed).digest())


def public_key(seed: int = 1) -> VerifierKey:
    """What verifies the made-up log."""
    return verifier_key(ORIGIN, signing_key(seed))


def write_city(folder: Path, records: int, *, seed: int = 1) -> None:
    """Write a log with so many records into a new folder; the same seed writes the same log."""
    write_log(folder, _City(seed).lines(records), origin=ORIGIN, key=signing_key(seed))


@dataclass(slots=True)
class _Access:
    """What the records of one access have in common."""

    id: str
    trace: str
    department: int
    subject: str
    number: int
    dataset: str
    owner: int
    connector: str


class _Digests(dict[str, str]):
    """Digests of texts that come again and again."""

    def __missing__(self, text: str) -> str:
        return self.setdefault(text, hashlib.sha256(text.encode()).hexdigest())


class _Minutes(dict[int, str]):
    """The beginning of a time's text, `2025-01-01T00:00`."""

    def __missing__(self, minute: int) -> str:
        return self.setdefault(minute, moment(minute * _MINUTE_US)[:16])


class _City:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - made-up data
        self._index = 0
        self._now_us = BEGUN_US
        self._revision = 12
        self._digests, self._minutes = _Digests(), _Minutes()
        self._datasets = [dataset(number) for number in range(DATASETS)]
        self._connectors = [f"spiffe://d{number:02d}.{DOMAIN}/connector" for number in range(DEPARTMENTS)]
        self._subjects = [
            [f"spiffe://d{number:02d}.{DOMAIN}/system/s{system:02d}" for system in range(SYSTEMS)]
            for number in range(DEPARTMENTS)
        ]
        self._columns = self._column_sets()

    def lines(self, count: int) -> Iterator[bytes]:
        """The records, canonical, in order."""
        texts = self._texts()
        for text in (next(texts) for _ in range(count)):
            yield text.encode()

    def _texts(self) -> Iterator[str]:
        yield self._line(
            f'"dropped_bytes":0,"event":"opened","id":"",{self._place()}"kind":"log","size":0,"step_us":0,'
            f'"subject":"spiffe://city.{DOMAIN}/broker",',
            '"","v":1,"version":"0.1.0"',
        )
        while True:
            self._now_us += int(ACCESS_US * 2 * self._random.random())
            access = self._access()
            if self._random.random() < 0.125:
                yield self._decision(access, allowed=False)
            else:
                yield self._decision(access, allowed=True)
                yield from self._stream(access)
            if self._random.random() < 0.02:
                yield from self._rare(access)

    def _access(self) -> _Access:
        rnd = self._random.random
        department = int(DEPARTMENTS * rnd() ** 2)
        number = int(DATASETS * rnd() ** 3)
        bits = self._random.getrandbits(256)
        return _Access(
            id=f"{bits & (1 << 128) - 1:032x}",
            trace=f"{bits >> 128:032x}",
            department=department,
            subject=self._subjects[department][int(SYSTEMS * rnd() ** 2)],
            number=number,
            dataset=self._datasets[number],
            owner=number % DEPARTMENTS,
            connector=self._connectors[number % DEPARTMENTS],
        )

    def _decision(self, access: _Access, *, allowed: bool) -> str:
        rnd = self._random.random
        columns, count, digest = self._columns[int(len(self._columns) * rnd())]
        purpose = PURPOSES[int(len(PURPOSES) * rnd() ** 2)]
        predicate = PREDICATES[int(len(PREDICATES) * rnd())]
        reason = "granted" if allowed else REASONS[int(len(REASONS) * rnd())]
        rules = f'"departments/d{access.owner:02d}/grants.csv:{access.number}"' if allowed else ""
        expires = self._time(self._now_us + 300_000_000) if allowed else ""
        return self._line(
            f'"action":"read","columns":{columns},"columns_count":{count},"columns_digest":"{digest}",'
            f'"commitment":"{self._digests[predicate] if predicate else ""}",'
            f'"dataset":"{access.dataset}",'
            f'"decision":"{"allow" if allowed else "deny"}","department":"d{access.department:02d}",'
            f'"expires":"{expires}","id":"{access.id}",{self._place()}"kind":"decision",'
            f'"obligations":"{self._digests[f"o{access.dataset}"] if allowed else ""}",'
            f'"predicate":"{predicate}",'
            f'"public_reason":"{"granted" if allowed else "not-granted"}","purpose":"{purpose}",'
            f'"reason":"{reason}","revision":{self._revision},"row_limit":0,"rules":[{rules}],'
            f'"schema_digest":"{self._digests[f"s{access.dataset}"]}","state":"normal",'
            f'"subject":"{access.subject}",',
            f'"{access.trace}","v":1',
        )

    def _stream(self, access: _Access) -> Iterator[str]:
        yield self._delivery(
            access, "start", "started", "", (0, 0, 0, ""), access.connector,
            f'{{\\"at_us\\":{self._now_us},\\"connector\\":\\"{access.connector}\\",\\"dataset\\":'
            f'\\"{access.dataset}\\",\\"kind\\":\\"start\\",\\"subject\\":\\"{access.subject}\\",'
            f'\\"ticket\\":\\"{access.id}\\"}}',
        )  # fmt: skip
        rows = int(1_000_000 * self._random.random() ** 6)
        counts = (rows, rows * 56, rows // 65536 + 1, f"{self._random.getrandbits(256):064x}")
        whole = self._random.random() > 0.01
        outcome, reason = ("complete", "") if whole else ("aborted", "client-gone")
        told = f'\\"outcome\\":\\"{outcome}\\",\\"reason\\":\\"{reason}\\",\\"rows\\":{rows},'
        head = f'\\"batches\\":{counts[2]},\\"bytes\\":{counts[1]},'
        yield self._delivery(
            access, "end", outcome, reason, counts, access.connector,
            f'{{{head}\\"connector\\":\\"{access.connector}\\",\\"digest\\":\\"{counts[3]}\\",\\"ended_us\\":'
            f'{self._now_us},\\"kind\\":\\"end\\",{told}\\"started_us\\":{self._now_us - 900},'
            f'\\"ticket\\":\\"{access.id}\\"}}',
        )  # fmt: skip
        if whole:
            yield self._delivery(
                access, "received", outcome, reason, counts, access.subject,
                f'{{\\"at_us\\":{self._now_us},{head}\\"consumer\\":\\"{access.subject}\\",\\"digest\\":'
                f'\\"{counts[3]}\\",\\"kind\\":\\"received\\",{told}\\"ticket\\":\\"{access.id}\\"}}',
            )  # fmt: skip

    def _delivery(
        self,
        access: _Access,
        kind: str,
        outcome: str,
        reason: str,
        counts: tuple[int, int, int, str],
        speaker: str,
        statement: str,
    ) -> str:
        rows, size, batches, digest = counts
        signature = "3045022100" + self._digests[speaker] + "0220" + self._digests[access.subject]
        return self._line(
            f'"batches":{batches},"bytes":{size},"certificate":"{self._digests[speaker]}",'
            f'"dataset":"{access.dataset}","digest":"{digest}","id":"{access.id}",{self._place()}'
            f'"kind":"{kind}","outcome":"{outcome}","reason":"{reason}","rows":{rows},'
            f'"signature":"{signature}","speaker":"{speaker}","statement":"{statement}",'
            f'"subject":"{access.subject}",',
            f'"{access.trace}","v":1',
        )

    def _rare(self, access: _Access) -> Iterator[str]:
        """One of the kinds that are seldom written."""
        department = f"d{access.owner:02d}"
        steward = f"spiffe://{department}.{DOMAIN}/steward/王"
        which = self._random.randrange(6)
        if which == 0:
            self._revision += 1
            yield self._line(
                f'"bundle":"{self._digests[str(self._revision)]}","certificate":"{self._digests[steward]}",'
                f'"department":"{department}","files":[],"id":"",{self._place()}"kind":"publication",'
                f'"message":"季度复核 {self._revision}: open to research","outcome":"published",'
                f'"previous":{self._revision - 1},"reason":"","revision":{self._revision},"signature":"",'
                f'"statement":"","subject":"{steward}",',
                '"","v":1',
            )
        elif which == 1:
            yield self._line(
                f'"dataset":"{access.dataset}","department":"d{access.department:02d}",'
                f'"id":"{access.id}",{self._place()}"kind":"revocation","previous":{self._revision - 1},'
                f'"purpose":"{PURPOSES[0]}","reason":"no-grant","revision":{self._revision},'
                f'"speaker":"{access.connector}","subject":"{access.subject}",',
                f'"{access.trace}","v":1',
            )
        elif which == 2:
            yield self._line(
                f'"columns_count":19,"dataset":"{access.dataset}","department":"{department}","id":"",'
                f'{self._place()}"kind":"registration","location":"{department}.{DOMAIN}:7410",'
                f'"outcome":"registered","reason":"","schema_digest":"{self._digests[f"s{access.dataset}"]}",'
                f'"subject":"{access.connector}",',
                '"","v":1',
            )
        elif which == 3:
            yield self._line(
                f'"call":"AuditService/ReadEntries","department":"city","id":"",{self._place()}'
                f'"kind":"administration","outcome":"done","reason":"",'
                f'"subject":"spiffe://city.{DOMAIN}/auditor/li","target":"{self._index}",',
                '"","v":1',
            )
        elif which == 4:
            der = f"3082{self._random.getrandbits(256):064x}"
            digest = hashlib.sha256(bytes.fromhex(der)).hexdigest()
            yield self._line(
                f'"certificate":"{digest}","der":"{der}","id":"",{self._place()}"kind":"certificate",'
                f'"role":"signer","subject":"{access.connector}",',
                '"","v":1',
            )
        else:
            statement = (
                f'{{\\"at_us\\":{self._now_us},\\"call\\":\\"DoGet\\",\\"connector\\":\\"{access.connector}\\",'
                f'\\"kind\\":\\"refusal\\",\\"reason\\":\\"ticket-used\\",\\"subject\\":\\"{access.subject}\\",'
                f'\\"ticket\\":\\"{access.id}\\"}}'
            )
            yield self._delivery(
                access, "refusal", "refused", "ticket-used", (0, 0, 0, ""), access.connector, statement
            )

    def _place(self) -> str:
        return f'"index":{self._index},'

    def _line(self, before_time: str, after_trace: str) -> str:
        text = f'{{{before_time}"time":"{self._time(self._now_us)}","trace":{after_trace}}}'
        self._index += 1
        self._now_us += int(RECORD_US * 2 * self._random.random())
        return text

    def _time(self, unix_us: int) -> str:
        minute, rest = divmod(unix_us, _MINUTE_US)
        second, micros = divmod(rest, 1_000_000)
        return f"{self._minutes[minute]}:{second:02d}.{micros:06d}Z"

    def _column_sets(self) -> list[tuple[str, int, str]]:
        sets = []
        for _ in range(50):
            names = sorted(self._random.sample(COLUMNS, self._random.randint(1, len(COLUMNS))))
            text = json.dumps(names, ensure_ascii=False, separators=(",", ":"))
            sets.append((text, len(names), hashlib.sha256(text.encode()).hexdigest()))
        return sets


def main() -> None:
    """Write one log."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun = time.perf_counter()
    write_city(options.folder, options.records, seed=options.seed)
    took = time.perf_counter() - begun
    print(f"{options.records:,} records in {took:.1f} s, {options.records / took:,.0f} records/s")
    print(f"key {public_key(options.seed).text}")


if __name__ == "__main__":
    main()
