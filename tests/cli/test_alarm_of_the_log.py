"""`exchange get` tells what stands against the audit log; `connector witness-key` shows a witness's key."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from exchange.audit.proofs.note import SignatureType, VerifierKey
from exchange.client.alarms import Alarm, Alarms
from exchange.client.settings import ClientSettings
from exchange.config import load

Run = Callable[..., Result]
ALARM = Alarm(name="record-7", text="the audit log withholds record 7", index=7, id="a" * 32, at_us=1)


def test_an_alarm_is_told_with_its_own_code_until_its_file_is_gone(exchange: Run, city: Any) -> None:
    config = city.client("press")
    state = load(config, ClientSettings).state
    assert state is not None
    asked = ("get", "port.requests", "--purpose", "trial", "-c", config)
    Alarms(state / "alarms").sound(ALARM)

    result = exchange(*asked)

    (path,) = (state / "alarms").iterdir()
    path.unlink()
    assert result.exit_code == 5, result.output
    for part in (ALARM.text, ALARM.id, str(state / "alarms")):
        assert part in result.stderr
    assert result.stdout
    assert exchange(*asked).exit_code == 0


def test_the_witness_key_is_made_once_and_shown(exchange: Run, city: Any) -> None:
    config = city.folder / "departments" / "press" / "connector.toml"
    first = exchange("connector", "witness-key", "--config", config)
    assert first.exit_code == 0, first.output
    key = VerifierKey.parse(first.stdout.strip(), SignatureType.COSIGNATURE)
    assert key.name.endswith("/witness/press")
    told = json.loads(exchange("connector", "witness-key", "--config", config, "--json").stdout)
    assert told == {"name": key.name, "key": key.text} == {"name": key.name, "key": first.stdout.strip()}
