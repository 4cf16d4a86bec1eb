"""Trust policies (c2sp.org/tlog-policy): what is believed, and what is refused with which words."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange.audit.proofs.checkpoint import Checkpoint, sign_checkpoint
from exchange.audit.proofs.cosignature import cosign, cosigner_key, with_signatures
from exchange.audit.proofs.merkle import EMPTY_ROOT
from exchange.audit.proofs.note import sign_note, verifier_key
from exchange.audit.proofs.trust import TrustPolicy
from exchange.errors import ConfigError, LogCorrupt

ORIGIN = "zhongshui.example/audit"
LOG = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
LOG_KEY = verifier_key(ORIGIN, LOG).text
NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
SECRETS = {name: Ed25519PrivateKey.from_private_bytes(name.encode() * 16) for name in NAMES}
KEYS = {name: cosigner_key(f"{name}.example", key).text for name, key in SECRETS.items()}
NOTE = sign_checkpoint(Checkpoint(origin=ORIGIN, size=7, root=EMPTY_ROOT), LOG)
TEXT = NOTE[: NOTE.index(b"\n\n") + 1]
SPEC = f"""\
# the example of the spec
log {LOG_KEY}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]} https://x2.example/submit
\twitness  X3\t{KEYS["X3"]}\t
group X-witnesses 2 X1 X2 X3

witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def cosigned(*names: str) -> bytes:
    return with_signatures(NOTE, [cosign(TEXT, f"{name}.example", SECRETS[name], 1000) for name in names])


@pytest.mark.parametrize("by", [("X1", "X2", "Y3"), ("X1", "X2", "X3", "Y1", "Y2", "Y3")])
def test_a_quorum_of_the_specs_example_is_believed(by: tuple[str, ...]) -> None:
    checked = TrustPolicy.parse(SPEC).check(cosigned(*by))
    assert tuple(found.name for found in checked.cosigned_by) == by


@pytest.mark.parametrize("by", [(), ("X1", "X2"), ("X1", "Y1"), ("Y1", "Y2", "Y3")])
def test_less_than_a_quorum_is_not(by: tuple[str, ...]) -> None:
    with pytest.raises(LogCorrupt, match="does not fulfil the quorum X-and-Y"):
        TrustPolicy.parse(SPEC).check(cosigned(*by))


def test_what_was_checked_tells_who_cosigned_and_when() -> None:
    checked = TrustPolicy.parse(SPEC).check(cosigned("Y1", "X2", "X1"))
    assert checked.checkpoint == Checkpoint(origin=ORIGIN, size=7, root=EMPTY_ROOT)
    assert checked.cosigned_by[0].model_dump() == {"name": "Y1", "key_name": "Y1.example", "time_s": 1000}


def test_a_witness_that_cosigns_twice_counts_once() -> None:
    again = cosign(TEXT, "X1.example", SECRETS["X1"], 2000)
    with pytest.raises(LogCorrupt, match="does not fulfil"):
        TrustPolicy.parse(SPEC).check(with_signatures(cosigned("X1", "Y1"), [again]))


def test_a_cosignature_that_does_not_fit_spoils_the_note() -> None:
    wrong = cosign(TEXT + b"more\n", "X3.example", SECRETS["X3"], 1000)
    with pytest.raises(LogCorrupt, match=r"X3\.example does not fit"):
        TrustPolicy.parse(SPEC).check(with_signatures(cosigned("X1", "X2", "Y1"), [wrong]))


def test_witnesses_do_not_replace_the_log() -> None:
    others = cosigned("X1", "X2", "Y1").replace(NOTE[len(TEXT) + 1 :], b"")
    with pytest.raises(LogCorrupt, match="no log of the trust policy"):
        TrustPolicy.parse(SPEC).check(others)


def test_a_logs_key_speaks_for_no_other_log() -> None:
    other = Checkpoint(origin="other.example/audit", size=7, root=EMPTY_ROOT).text()
    with pytest.raises(LogCorrupt, match="no log of the trust policy"):
        TrustPolicy.parse(f"log {LOG_KEY}\nquorum none\n").check(sign_note(other, ORIGIN, LOG))


def test_a_single_witness_can_be_the_quorum_and_none_asks_for_nobody() -> None:
    one = TrustPolicy.parse(f"log {LOG_KEY}\nwitness X1 {KEYS['X1']}\nquorum X1")
    assert one.check(cosigned("X1")).cosigned_by[0].name == "X1"
    with pytest.raises(LogCorrupt, match="no witness"):
        one.check(NOTE)
    assert TrustPolicy.of_key(verifier_key(ORIGIN, LOG)).check(NOTE).cosigned_by == ()
    assert TrustPolicy.parse(f"quorum none\nlog {LOG_KEY}\n").check(NOTE).checkpoint.size == 7


def test_urls_and_logs_are_found_by_name() -> None:
    policy = TrustPolicy.parse(SPEC)
    assert policy.urls == {"X2": "https://x2.example/submit"}
    assert policy.log == policy.log_named(ORIGIN) == verifier_key(ORIGIN, LOG)
    with pytest.raises(ConfigError, match="does not know"):
        policy.log_named("other.example")


def test_names_are_opaque_octets() -> None:
    kelvin = f"log {LOG_KEY}\nwitness \u212a {KEYS['X1']}\nwitness K {KEYS['X2']}\nquorum \u212a\n".encode()
    assert TrustPolicy.parse(kelvin).check(cosigned("X1")).cosigned_by[0].name == "\u212a"
    latin = b"log %s\nwitness \xe9 %s\nquorum \xe9\n" % (LOG_KEY.encode(), KEYS["X1"].encode())
    with pytest.raises(LogCorrupt, match="quorum"):
        TrustPolicy.parse(latin).check(cosigned("X2"))


X1, X2 = f"witness X1 {KEYS['X1']}", f"witness X2 {KEYS['X2']}"


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([X1, X1.replace("X1 ", "Z ")], "line 3: this is the key of X1"),
        ([X1, X2.replace("X2 ", "X1 ")], "line 3: the name X1 is taken"),
        ([X1.replace("X1 ", "none ")], "line 2: the name none is taken"),
        ([f"log {LOG_KEY}"], "line 2: this is the key of zhongshui"),
        ([f"witness L {cosigner_key('l.example', LOG).text}"], "line 2: this is the key of zhongshui"),
        ([f"witness L {LOG_KEY}"], "line 2: this is no witness's key"),
        ([f"log {KEYS['X1']}"], "line 2: this is no log's key"),
        (["witness X1 X1+00000000+AA=="], "line 2: this is no verifier key"),
        (["Witness X1 key"], "line 2: Witness is no keyword"),
        (["log"], "line 2: it has 1 words"),
        ([X1 + " url more"], "line 2: it has 5 words"),
        (["group G any"], "line 2: it has 3 words"),
        ([X1, "group G 2 X1"], "line 3: 2 of 1 members cannot be"),
        ([X1, "group G 0 X1"], "line 3: 0 of 1 members cannot be"),
        ([X1, "group G 01 X1"], "line 3: 01 of 1 members cannot be"),
        ([X1, "group G some X1"], "line 3: some of 1 members"),
        ([X1, "group G any X1 X1"], "line 3: X1 is a member already"),
        ([X1, X2, "group G any X1", "group H all G X1"], "line 5: X1 is a member already"),
        (["group G any X1", X1], "line 2: X1 is no witness or group above"),
        (["group G any G"], "line 2: G is no witness or group above"),
        ([X1, "group G any none"], "line 3: none is no witness or group above"),
        (["quorum X1", X1], "line 2: X1 is no witness or group above"),
        (["quorum none", "quorum none"], "line 3: there is a quorum line above"),
        ([X1], "no quorum line"),
        (["quorum none\r"], "line 2: it holds a control character"),
        (["quorum\u00a0none"], r"line 2: quorum\u00a0none is no keyword"),
    ],
)
def test_what_is_wrong_names_its_line_and_the_mend(lines: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        TrustPolicy.parse("\n".join([f"log {LOG_KEY}", *lines]))
    assert told in refused.value.public
    assert refused.value.hint


def test_a_key_whose_name_is_no_unicode_is_refused() -> None:
    with pytest.raises(ConfigError, match="line 2: this is no verifier key"):
        TrustPolicy.parse(b"log %s\nwitness a a\xe9%s\n" % (LOG_KEY.encode(), KEYS["X1"].encode()))


def test_a_policy_without_a_log_believes_nobody() -> None:
    with pytest.raises(ConfigError, match="names no log"):
        TrustPolicy.parse("quorum none\n")
