"""An auditor copies a log whose oldest records retention removed: the copy proves all that the log proves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from audit_house import NOON_US, MovedClock
from broker_house import House, open_house
from certified import DOMAIN, City

from exchange.audit.proofs.note import VerifierKey
from exchange.audit.proofs.tree import StoredTree
from exchange.audit.storage.layout import Layout
from exchange.audit.verify import verify
from exchange.broker.keeper import Keeper
from exchange.broker.settings import Limits, RetentionSettings
from exchange.client import auditor
from exchange.client.settings import ClientSettings
from exchange.errors import AccessRefused, StreamBroken
from exchange.model.subject import CITY, Kind
from exchange.wire import auditing
from exchange.wire.auditing import Remains

YEARS_LATER = MovedClock(NOON_US + 10**15)


@pytest.fixture
def shortened(certified_city: City, tmp_path: Path) -> Iterator[House]:
    """A broker whose first segments are gone."""
    limits = Limits(workers=8, segment_bytes=1 << 16)
    with open_house(certified_city, tmp_path, limits=limits) as house:
        for _ in range(200):
            house.ask()
        log = house.running._parts.log
        wanted = RetentionSettings(keep_days=400, no_archive=True)
        assert Keeper(log, key(house), wanted, "spiffe://broker", YEARS_LATER).round()
        assert log.first > 0
        yield house


def key(house: House) -> VerifierKey:
    return VerifierKey.parse((house.settings.audit / "public.key").read_text())


def settings(house: House, kind: Kind = Kind.AUDITOR) -> ClientSettings:
    department = CITY if kind is Kind.AUDITOR else "port"
    address = f"127.0.0.1:{house.running.port}"
    return ClientSettings(trust_domain=DOMAIN, broker=address, tls=house.actor(department, kind, "qian"))


def test_the_copy_is_whole_and_says_what_was_removed(shortened: House, tmp_path: Path) -> None:
    fetched = auditor.fetch(settings(shortened), tmp_path / "copy")
    verdict = verify(tmp_path / "copy", key(shortened))
    assert verdict.whole, verdict.findings
    assert verdict.records == fetched.records
    assert verdict.removed == shortened.running._parts.log.first > 0
    assert any(remark.what == "retained" for remark in verdict.remarks)


def test_what_was_kept_came_along_and_what_was_removed_is_still_in_the_tree(
    shortened: House, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    fetched = auditor.fetch(settings(shortened), copy)
    kept = Layout(copy).kept(0).read_bytes()
    assert kept == Layout(shortened.settings.audit).kept(0).read_bytes()
    with_proof = StoredTree(copy)
    assert with_proof.root(fetched.records).hex() == fetched.root
    assert len(with_proof.inclusion(0, fetched.records)) > 0
    with_proof.close()


def test_reading_what_is_left_is_on_record_and_for_auditors_only(shortened: House) -> None:
    line = shortened.channel(shortened.actor(CITY, Kind.AUDITOR, "qian"))
    assert list(auditing.read_removed(line, timeout_s=20))
    assert shortened.records("administration", call="exchange.v1.AuditService/ReadRemoved")
    with pytest.raises(AccessRefused):
        list(auditing.read_removed(shortened.dispatch(), timeout_s=20))


def test_a_log_that_is_all_there_has_nothing_removed(house: House, tmp_path: Path) -> None:
    house.ask()
    auditor.fetch(settings(house), tmp_path / "copy")
    assert not list(Layout(tmp_path / "copy").seals())
    assert verify(tmp_path / "copy", key(house)).removed == 0


@pytest.mark.parametrize(
    "lie", ["more hashes", "half a hash", "fewer hashes", "seals twice", "kept of nothing"]
)
def test_a_broker_that_lies_about_it_is_not_copied(
    shortened: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    honest = auditing.read_removed

    def lying(*args: object, **options: object) -> Iterator[Remains]:
        pieces = list(honest(*args, **options))  # type: ignore[arg-type]
        if lie == "kept of nothing":
            yield Remains(kept=b"{}")
        for piece in pieces:
            if lie == "fewer hashes" and piece.hashes:
                yield Remains(hashes=piece.hashes[:-32])
            elif lie == "half a hash" and piece.hashes:
                yield Remains(hashes=piece.hashes[:-16])
            else:
                yield piece
            if (lie == "seals twice" and piece.seal) or (lie == "more hashes" and piece.hashes):
                yield piece

    monkeypatch.setattr(auditing, "read_removed", lying)
    with pytest.raises(StreamBroken):
        auditor.fetch(settings(shortened), tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
