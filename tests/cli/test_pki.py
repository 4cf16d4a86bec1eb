from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner, Result

from exchange.cli.pki import app
from exchange.errors import ConfigError, ExchangeError, PkiError
from exchange.security.pki.pem import parse_key


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def ok(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception or result.output
    return result.output


def refused(*arguments: object) -> ExchangeError:
    error = run(*arguments).exception
    assert isinstance(error, PkiError | ConfigError), error
    return error


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    folder = tmp_path / "authority"
    ok("init", folder, "--trust-domain", "zhongshui.example")
    ok("department", folder, "port")
    return folder


def _issue(authority: Path, out: Path, *more: str) -> str:
    return ok("issue", authority, "connector", "--department", "port", "--out", out, *more)


def _names(path: Path) -> list[str]:
    leaf = x509.load_pem_x509_certificates(path.read_bytes())[0]
    san = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in san]


def test_everything_lies_behind_modes_that_only_the_owner_passes(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    for folder in (authority, tmp_path / "port"):
        for path in [folder, *folder.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            assert not (path.is_dir() or path.suffix in {".key", ".jsonl"}) or not mode & 0o077, path


def test_a_connector_gets_an_identity_a_listener_and_the_roots(authority: Path, tmp_path: Path) -> None:
    out = tmp_path / "port"
    text = _issue(authority, out, "--host", "127.0.0.1", "--host", "flights.port.zhongshui.example")
    assert "spiffe://port.zhongshui.example/connector" in text
    assert {path.name for path in out.iterdir()} == {
        "identity.key",
        "identity.pem",
        "listener.key",
        "listener.pem",
        "roots.pem",
    }
    assert _names(out / "identity.pem") == ["spiffe://port.zhongshui.example/connector"]
    assert _names(out / "listener.pem") == [
        "spiffe://port.zhongshui.example/connector",
        "connector.port.zhongshui.example",
        "127.0.0.1",
        "flights.port.zhongshui.example",
    ]


def test_a_system_gets_an_identity_and_no_listener(authority: Path, tmp_path: Path) -> None:
    ok("issue", authority, "system", "--department", "port", "--name", "ops", "--out", tmp_path / "ops")
    assert {path.name for path in (tmp_path / "ops").iterdir()} == {
        "identity.key",
        "identity.pem",
        "roots.pem",
    }


def test_the_city_s_own_actors_need_no_further_step(authority: Path, tmp_path: Path) -> None:
    ok("issue", authority, "broker", "--department", "city", "--out", tmp_path / "broker")
    ok("issue", authority, "auditor", "--department", "city", "--name", "li", "--out", tmp_path / "li")
    assert _names(tmp_path / "broker" / "identity.pem") == ["spiffe://city.zhongshui.example/broker"]


def test_an_authority_is_never_overwritten(authority: Path) -> None:
    before = (authority / "root" / "root.pem").read_bytes()
    assert "holds an authority already" in str(refused("init", authority, "--trust-domain", "other.example"))
    assert "exists already" in str(refused("department", authority, "port"))
    assert (authority / "root" / "root.pem").read_bytes() == before


def test_keys_that_were_issued_are_never_overwritten(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    before = (tmp_path / "port" / "identity.key").read_bytes()
    error = refused("issue", authority, "connector", "--department", "port", "--out", tmp_path / "port")
    assert "exchange pki renew" in str(error)
    assert (tmp_path / "port" / "identity.key").read_bytes() == before


def test_with_the_root_key_offline_leaves_are_issued_and_departments_are_not(
    authority: Path, tmp_path: Path
) -> None:
    (authority / "root" / "root.key").rename(tmp_path / "safe.key")
    _issue(authority, tmp_path / "port")
    assert "it was moved offline" in str(refused("department", authority, "weather"))
    assert "it was moved offline" in str(refused("department", authority, "port", "--renew"))
    (tmp_path / "safe.key").rename(authority / "root" / "root.key")
    ok("department", authority, "weather")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["system", "--department", "port"], "wrong number of name parts"),
        (["system", "--department", "port", "--name", "a/b"], "no certificate for system"),
        (["system", "--department", "port", "--name", "spiffe://x"], "no certificate for system"),
        (["connector", "--department", "port", "--name", "two"], "wrong number of name parts"),
        (["broker", "--department", "port"], "cannot belong to 'port'"),
        (["connector", "--department", "city"], "cannot belong to 'city'"),
        (["connector", "--department", "weather"], "there is no department 'weather'"),
        (["connector", "--department", "../port"], "no certificate for connector"),
        (["connector", "--department", "port", "--host", "*.port.zhongshui.example"], "wildcard"),
        (["connector", "--department", "port", "--host", "weather.zhongshui.example"], "lies outside"),
        (["connector", "--department", "port", "--host", "spiffe://a/b"], "is a SPIFFE id"),
        (["system", "--department", "port", "--name", "ops", "--host", "127.0.0.1"], "does not listen"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    authority: Path, tmp_path: Path, arguments: list[str], why: str
) -> None:
    assert why in str(refused("issue", authority, *arguments, "--out", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert json.loads(ok("list", authority, "--json")) == []


def test_a_trust_domain_is_a_dns_name(tmp_path: Path) -> None:
    for name in ("", "example", "Zhongshui.example", "spiffe://zhongshui.example", "a..b", "中水.example"):
        assert "no trust domain" in str(refused("init", tmp_path / "a", "--trust-domain", name))
    assert not (tmp_path / "a").exists()


def test_a_folder_without_an_authority_says_how_to_make_one(tmp_path: Path) -> None:
    assert "exchange pki init" in str(refused("list", tmp_path))


def test_everything_issued_is_listed(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    rows = json.loads(ok("list", authority, "--json"))
    assert [row["profile"] for row in rows] == ["identity", "listener"]
    leaf = x509.load_pem_x509_certificates((tmp_path / "port" / "identity.pem").read_bytes())[0]
    assert rows[0]["serial"] == f"{leaf.serial_number:x}"
    assert rows[0]["serial"] in ok("list", authority)


def test_a_damaged_log_is_named_by_its_line(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    with (authority / "departments" / "port" / "issued.jsonl").open("a") as log:
        log.write('{"half":')
    assert "issued.jsonl:3 is damaged" in str(refused("list", authority))


def test_show_says_what_a_certificate_says(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    leaf, intermediate = json.loads(ok("show", tmp_path / "port" / "identity.pem", "--json"))
    assert (leaf["role"], leaf["names"]) == ("leaf", ["spiffe://port.zhongshui.example/connector"])
    assert intermediate["role"] == "authority"
    assert intermediate["permitted"] == ["port.zhongshui.example"] * 2
    assert "may name only  port.zhongshui.example" in ok("show", tmp_path / "port" / "identity.pem")


def test_show_shows_no_key(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    assert "not a PEM certificate" in str(refused("show", tmp_path / "port" / "identity.key"))


def test_renewal_waits_until_it_is_due(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    before = (tmp_path / "port" / "identity.pem").read_bytes()
    assert "is not due" in ok("renew", tmp_path / "port", "--authority", authority)
    assert (tmp_path / "port" / "identity.pem").read_bytes() == before


def test_a_renewal_keeps_every_name_and_changes_every_key(authority: Path, tmp_path: Path) -> None:
    out = tmp_path / "port"
    _issue(authority, out, "--host", "127.0.0.1", "--host", "flights.port.zhongshui.example")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    names = (_names(out / "identity.pem"), _names(out / "listener.pem"))
    ok("renew", out, "--authority", authority, "--force")
    assert (_names(out / "identity.pem"), _names(out / "listener.pem")) == names
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert {name for name in before if before[name] == after[name]} == {"roots.pem"}
    assert before.keys() == after.keys()
    assert stat.S_IMODE((out / "identity.key").stat().st_mode) == 0o600


def test_a_short_lived_certificate_is_due_at_once(authority: Path, tmp_path: Path) -> None:
    """Leaves are backdated by five minutes; of one that lives for a minute, less than a third remains."""
    _issue(authority, tmp_path / "port", "--hours", "0.0167")
    assert "renewed" in ok("renew", tmp_path / "port", "--authority", authority)
    assert "is not due" in ok("renew", tmp_path / "port", "--authority", authority)


def test_a_renewal_mends_a_pair_that_a_crash_left_apart(authority: Path, tmp_path: Path) -> None:
    out = tmp_path / "port"
    _issue(authority, out)
    (out / "identity.key").write_bytes((out / "listener.key").read_bytes())
    ok("renew", out, "--authority", authority, "--force")
    leaf = x509.load_pem_x509_certificates((out / "identity.pem").read_bytes())[0]
    assert parse_key((out / "identity.key").read_bytes(), out).public_key() == leaf.public_key()


def test_another_city_s_authority_renews_nothing(authority: Path, tmp_path: Path) -> None:
    _issue(authority, tmp_path / "port")
    ok("init", tmp_path / "other", "--trust-domain", "other.example")
    error = refused("renew", tmp_path / "port", "--authority", tmp_path / "other", "--force")
    assert "another trust domain" in str(error)


def test_an_authority_s_key_that_others_can_read_issues_nothing(authority: Path, tmp_path: Path) -> None:
    (authority / "departments" / "port" / "intermediate.key").chmod(0o644)
    error = refused("issue", authority, "connector", "--department", "port", "--out", tmp_path / "port")
    assert "chmod 600" in str(error)


def test_a_renewed_department_issues_on_and_its_older_leaves_still_lead_to_the_root(
    authority: Path, tmp_path: Path
) -> None:
    _issue(authority, tmp_path / "old")
    ok("department", authority, "port", "--renew")
    _issue(authority, tmp_path / "new")
    root = x509.load_pem_x509_certificate((authority / "root" / "root.pem").read_bytes())
    for out in ("old", "new"):
        leaf, intermediate = x509.load_pem_x509_certificates((tmp_path / out / "identity.pem").read_bytes())
        leaf.verify_directly_issued_by(intermediate)
        intermediate.verify_directly_issued_by(root)
