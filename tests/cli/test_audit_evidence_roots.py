"""`exchange audit check-evidence --roots`: did the city vouch for those who signed what is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from audit_house import PUBLIC, MovedClock, open_log
from certified import make_city, now_us
from typer.testing import CliRunner, Result

from exchange.audit.records.deliveries import delivery
from exchange.broker.chains import certificate_record
from exchange.cli.main import app
from exchange.model.receipt import Start
from exchange.model.subject import Kind
from exchange.security.credentials import TlsSettings, load_identity
from exchange.security.signing import StatementSigner

CONSUMER = "spiffe://emergency.zhongshui.example/system/dispatch"
CONNECTOR = "spiffe://port.zhongshui.example/connector"
ACCESS = "cd" * 16
DAY_US = 86_400_000_000


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> TlsSettings:
    """The port's connector."""
    return make_city(tmp_path_factory.mktemp("city")).actor("port", Kind.CONNECTOR)


def evidence(port: TlsSettings, folder: Path, *, at_us: int, authorities: bool = True) -> Path:
    """Of a START that the port's connector signed."""
    who = load_identity(port, now_us())
    signer = StatementSigner(who.key, who.leaf)
    said = Start(ticket=ACCESS, connector=CONNECTOR, subject=CONSUMER, dataset="port.flights", at_us=1)
    with open_log(folder / "log", clock=MovedClock(at_us)) as log:
        above = who.chain[1:] if authorities else ()
        log.append_many([certificate_record(one, authority=True) for one in above])
        log.append(certificate_record(who.leaf, authority=False))
        log.append(delivery(signer.sign(said)))
    done = run("prove", ACCESS, folder / "log", "--key", PUBLIC.text, "--out", folder / "evidence", "--scan")
    assert done.exit_code == 0, done.output
    return folder / "evidence"


def test_a_signer_of_the_city_is_vouched_for(port: TlsSettings, tmp_path: Path) -> None:
    file = evidence(port, tmp_path, at_us=now_us())
    checked = run("check-evidence", file, "--key", PUBLIC.text, "--roots", port.roots)
    assert checked.exit_code == 0, checked.output
    assert "each certificate leads to the city's roots" in checked.stdout


def test_without_roots_it_says_that_chains_were_not_looked_at(port: TlsSettings, tmp_path: Path) -> None:
    checked = run("check-evidence", evidence(port, tmp_path, at_us=now_us()), "--key", PUBLIC.text)
    assert checked.exit_code == 0
    assert "--roots FILE would show" in checked.stdout
    assert "cannot prove that the log holds no further record" in checked.stdout


def test_a_signer_of_another_city_is_not(port: TlsSettings, tmp_path: Path) -> None:
    other = make_city(tmp_path / "other").actor("port", Kind.CONNECTOR)
    file = evidence(port, tmp_path, at_us=now_us())
    checked = run("check-evidence", file, "--key", PUBLIC.text, "--roots", other.roots)
    assert checked.exit_code == 1
    assert f"no chain leads from {CONNECTOR}" in checked.stdout


def test_a_certificate_that_had_ended_when_the_record_was_written_is_not(
    port: TlsSettings, tmp_path: Path
) -> None:
    file = evidence(port, tmp_path, at_us=now_us() + 3650 * DAY_US)
    assert run("check-evidence", file, "--key", PUBLIC.text).exit_code == 0
    assert run("check-evidence", file, "--key", PUBLIC.text, "--roots", port.roots).exit_code == 1


def test_a_chain_with_a_link_missing_leads_nowhere(port: TlsSettings, tmp_path: Path) -> None:
    file = evidence(port, tmp_path, at_us=now_us(), authorities=False)
    assert run("check-evidence", file, "--key", PUBLIC.text, "--roots", port.roots).exit_code == 1


def test_roots_that_are_none_are_a_matter_of_usage(port: TlsSettings, tmp_path: Path) -> None:
    file = evidence(port, tmp_path, at_us=now_us())
    checked = run("check-evidence", file, "--key", PUBLIC.text, "--roots", tmp_path / "nowhere.pem")
    assert (checked.exit_code, "nowhere.pem" in checked.stderr) == (2, True)
