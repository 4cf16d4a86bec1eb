"""F1 the power fails: of what was not synced any part may be gone; of what was acknowledged none."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest
from audit_house import PUBLIC, decision, lines_of, open_log
from forgetful_disk import ForgetfulDisk

from exchange.audit.log import LogLimits
from exchange.audit.records.entry import Entry
from exchange.audit.verify import verify

OFTEN = LogLimits(checkpoint_every_s=0.0, segment_bytes_max=1500)
SELDOM = LogLimits(checkpoint_every_s=3600.0, segment_bytes_max=1500)


@pytest.mark.parametrize("limits", [OFTEN, SELDOM], ids=["signs often", "signs seldom"])
def test_f01_whatever_a_power_cut_leaves_nothing_acknowledged_is_lost(
    tmp_path: Path, limits: LogLimits
) -> None:
    folder, found = tmp_path / "log", tmp_path / "found"
    disk = ForgetfulDisk(folder)
    with open_log(folder, disk=disk, limits=limits) as log:
        for number in range(1, 7):
            log.append(decision(number))
            disk.acknowledged.append(number)
    chance = Random(7)  # noqa: S311 - what is lost
    assert len(disk.moments) > 40
    for step, moment in enumerate(disk.moments):
        for _ in range(2):
            moment.leaves_behind(found, chance)
            open_log(found, limits=limits).close()
            ids = [int(Entry.parse(line).fields["id"] or "0", 16) for line in lines_of(found)]
            assert [number for number in ids if number][: len(moment.acknowledged)] == moment.acknowledged, (
                step
            )
            since = [moment.checkpoint] if moment.checkpoint else []
            verdict = verify(found, PUBLIC, since=since)
            assert verdict.whole, (step, verdict.findings)
            assert verdict.signed == verdict.records
            shutil.rmtree(found)
