"""Verify an evidence file of the exchange with the Python standard library and nothing else.

    python verify_evidence.py EVIDENCE --key KEY        the log's public key: a file, or name+id+base64
    python verify_evidence.py EVIDENCE --trust POLICY   log, witnesses and quorum (c2sp.org/tlog-policy)

Prints what is proven: who, what, when, for which purpose, under which rule. Exit code: 0 proven, 1 not, 2 the
command or a file cannot be read.

What is checked: the log's Ed25519 signature under the checkpoint (RFC 8032), the witnesses' cosignatures and
their quorum (c2sp.org/tlog-cosignature), for each record its inclusion under the signed root (RFC 9162
§2.1.3.2), and the ECDSA P-256 signatures (FIPS 186-5) of what connectors, consumers and stewards stated.

What is not: that there are no further records of the same access (verify the whole log for that), and that
the signers' certificates lead to the city's root (the file holds the chain as far as the log does).

It imports nothing of the exchange, on purpose: it is a second implementation, to be read and kept.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HASH_BYTES = 32
Fields = dict[str, Any]
EdPoint = tuple[int, int, int, int]
EcPoint = tuple[int, int]

_KEY_BYTES = 32

# -------------------- Ed25519 verification (RFC 8032 §5.1.7)

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the key signed the message; small-order keys and unreduced scalars are refused."""
    if len(public) != _KEY_BYTES or len(signature) != 2 * _KEY_BYTES:
        return False
    a, r = _ed_point(public), _ed_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L or _ed_is_zero(_ed_times(8, a)):
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    return _ed_equal(_ed_times(s, _ED_BASE), _ed_add(r, _ed_times(k, a)))


def _ed_x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def _ed_point(data: bytes) -> EdPoint | None:
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    x = _ed_x(y, sign) if y < P else None
    return None if x is None else (x, y, 1, x * y % P)


def _ed_add(one: EdPoint, two: EdPoint) -> EdPoint:
    a, b = (one[1] - one[0]) * (two[1] - two[0]) % P, (one[1] + one[0]) * (two[1] + two[0]) % P
    c, d = 2 * one[3] * two[3] * D % P, 2 * one[2] * two[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _ed_times(scalar: int, point: EdPoint) -> EdPoint:
    found = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            found = _ed_add(found, point)
        point, scalar = _ed_add(point, point), scalar >> 1
    return found


def _ed_equal(one: EdPoint, two: EdPoint) -> bool:
    return not ((one[0] * two[2] - two[0] * one[2]) % P or (one[1] * two[2] - two[1] * one[2]) % P)


def _ed_is_zero(point: EdPoint) -> bool:
    return _ed_equal(point, (0, 1, 1, 0))


_ED_Y = 4 * pow(5, P - 2, P) % P
_ED_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_ED_BASE = (_ED_X, _ED_Y, 1, _ED_X * _ED_Y % P)

# -------------------- ECDSA P-256 verification (FIPS 186-5 §6.4.2)

Q = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
BASE = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


def ecdsa_verify(public: EcPoint, message: bytes, signature: bytes) -> bool:
    """Whether the key (a point) signed the message's SHA-256; the signature is DER."""
    try:
        (r, s), rest = _der_integers(signature)
    except (ValueError, IndexError):
        return False
    if rest or not (0 < r < N and 0 < s < N):
        return False
    z, w = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, N)
    found = _ec_add(_ec_times(z * w % N, BASE), _ec_times(r * w % N, public))
    return found is not None and found[0] % N == r


def _ec_add(one: EcPoint | None, two: EcPoint | None) -> EcPoint | None:
    if one is None or two is None:
        return two if one is None else one
    if one[0] == two[0]:
        if (one[1] + two[1]) % Q == 0:
            return None
        slope = (3 * one[0] * one[0] - 3) * pow(2 * one[1], -1, Q)
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, Q)
    x = (slope * slope - one[0] - two[0]) % Q
    return x, (slope * (one[0] - x) - one[1]) % Q


def _ec_times(scalar: int, base: EcPoint) -> EcPoint | None:
    found: EcPoint | None = None
    point: EcPoint | None = base
    while scalar:
        if scalar & 1:
            found = _ec_add(found, point)
        point, scalar = _ec_add(point, point), scalar >> 1
    return found


# -------------------- certificates: only what is needed of X.509

P256_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
ALTERNATIVE_NAMES = bytes.fromhex("0603551d11")
SEQUENCE, INTEGER, URI, VERSION, EXTENSIONS = 0x30, 2, 0x86, 0xA0, 0xA3


def _der(data: bytes, at: int = 0) -> tuple[int, int, int]:
    """Tag, begin and end of the value that begins there."""
    tag, length, begin = data[at], data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length = int.from_bytes(data[begin : begin + count], "big")
        begin += count
    if begin + length > len(data):
        raise ValueError("cut off")
    return tag, begin, begin + length


def _der_parts(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, whole encoding and content of each value in turn."""
    at = 0
    while at < len(data):
        tag, begin, end = _der(data, at)
        yield tag, data[at:end], data[begin:end]
        at = end


def _der_integers(data: bytes) -> tuple[list[int], bytes]:
    tag, begin, end = _der(data)
    parts = list(_der_parts(data[begin:end]))
    if tag != SEQUENCE or [part[0] for part in parts] != [INTEGER, INTEGER]:
        raise ValueError("not two integers")
    return [int.from_bytes(part[2], "big", signed=True) for part in parts], data[end:]


def certificate_facts(der: bytes) -> tuple[EcPoint | None, list[str]]:
    """The P-256 public key (a point; None for another kind of key) and the URI names of a certificate."""
    _, begin, end = _der(der)
    tbs = next(_der_parts(der[begin:end]))[2]
    parts = [part for part in _der_parts(tbs) if part[0] != VERSION]
    key = parts[5][1]  # serial, algorithm, issuer, validity, subject, key
    point = None
    if key.startswith(P256_KEY) and len(key) == len(P256_KEY) + 2 * _KEY_BYTES:
        x, y = (int.from_bytes(half, "big") for half in (key[-64:-32], key[-32:]))
        if x < Q and y < Q and (y * y - x * x * x + 3 * x - B) % Q == 0:
            point = (x, y)
    return point, [name for part in parts if part[0] == EXTENSIONS for name in _uris(part[2])]


def _uris(extensions: bytes) -> Iterator[str]:
    for _, _, extension in _der_parts(next(_der_parts(extensions))[2]):
        if extension.startswith(ALTERNATIVE_NAMES):
            octets = list(_der_parts(extension))[-1][2]
            for tag, _, value in _der_parts(next(_der_parts(octets))[2]):
                if tag == URI:
                    yield value.decode()


# -------------------- notes, keys, trust policies (c2sp.org)

LOG, WITNESS = 1, 4
KEY_ID_BYTES = 4


class Refused(Exception):
    """Why nothing is proven."""


class Unreadable(Exception):
    """What the person who runs this has to mend."""


class Key(NamedTuple):
    """A verifier key: its name, the four bytes of its id, 32 bytes of Ed25519."""

    name: str
    id: bytes
    public: bytes


def b64(text: str) -> bytes:
    """The bytes, if the text is their one standard encoding."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not standard base64")
    return data


def parse_key(text: str, kind: int) -> Key:
    """The key in `name+id+base64`."""
    try:
        name, key_id, encoded = text.strip().split("+", 2)
        key = b64(encoded)
    except ValueError:
        raise Unreadable("this is no key (name+id+base64): " + text.strip()[:80]) from None
    expected = hashlib.sha256(name.encode() + b"\n" + key).hexdigest()[:8]
    if len(key) != 1 + _KEY_BYTES or key[0] != kind or key_id != expected or not re.fullmatch(r"\S+", name):
        raise Unreadable("this key was altered or is not of the kind needed: " + text.strip()[:80])
    return Key(name, bytes.fromhex(key_id), key[1:])


class Policy:
    """Logs, witnesses, groups and the quorum."""

    def __init__(self) -> None:
        self.logs: list[Key] = []
        self.witnesses: dict[str, Key] = {}
        self.groups: dict[str, tuple[int, list[str]]] = {}
        self.quorum = ""
        self._members: set[str] = set()

    def read(self, text: str) -> None:
        """Take in the lines of a policy file."""
        forms: dict[str, Callable[..., None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._quorum,
        }
        for number, line in enumerate(text.split("\n"), 1):
            words = [word for word in re.split(r"[ \t]+", line) if word]
            if not words or words[0].startswith("#"):
                continue
            try:
                forms[words[0]](*words[1:])
            except (Unreadable, ValueError, KeyError, TypeError) as error:
                raise Unreadable(f"trust policy, line {number} is malformed: {error}") from None
        if not self.quorum or not self.logs:
            raise Unreadable("the trust policy needs a log line and a quorum line")

    def fulfilled(self, names: Collection[str], quorum: str = "") -> bool:
        """Whether these witnesses make a quorum."""
        quorum = quorum or self.quorum
        if quorum == "none" or quorum in names:
            return True
        needed, members = self.groups.get(quorum, (1, []))
        return sum(self.fulfilled(names, member) for member in members) >= needed

    def _log(self, key: str, url: str = "") -> None:
        self.logs.append(self._key(key, LOG, url))

    def _witness(self, name: str, key: str, url: str = "") -> None:
        self._new(name)
        self.witnesses[name] = self._key(key, WITNESS, url)

    def _group(self, name: str, threshold: str, *members: str) -> None:
        self._new(name)
        needed = {"all": len(members), "any": 1}.get(threshold) or int(threshold)
        if not 1 <= needed <= len(members) or len(set(members)) < len(members):
            raise Unreadable("no more can be needed than there are")
        for member in members:
            self._known(member)
            if member in self._members:
                raise Unreadable("a witness counts in one group, once")
        self._members.update(members)
        self.groups[name] = (needed, list(members))

    def _quorum(self, name: str) -> None:
        if self.quorum:
            raise Unreadable("there is a quorum above")
        if name != "none":
            self._known(name)
        self.quorum = name

    def _key(self, text: str, kind: int, url: str) -> Key:
        found = parse_key(text, kind)
        if any(found.public == other.public for other in (*self.logs, *self.witnesses.values())):
            raise Unreadable("this key stands in a line above" + (f" ({url})" if url else ""))
        return found

    def _new(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise Unreadable(f"the name {name} is taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise Unreadable(f"{name} is not defined above")


class Checkpoint(NamedTuple):
    """What was signed, and which witnesses cosigned it when (unix seconds)."""

    origin: str
    size: int
    root: bytes
    cosigned_by: dict[str, int]


def open_checkpoint(note: str, policy: Policy) -> Checkpoint:
    """The checkpoint; Refused if the policy is not fulfilled."""
    text, blank, under = note.rpartition("\n\n")
    if not blank or not under.endswith("\n") or re.search(r"[\x00-\x09\x0b-\x1f]", note):
        raise Refused("the checkpoint is not a signed note")
    text += "\n"
    signatures = [_signature_line(line) for line in under[:-1].split("\n")]
    signed_by = {log.name for log in policy.logs if _signs(log, text, signatures)}
    cosigned_by: dict[str, int] = {}
    for name, witness in policy.witnesses.items():
        when = _cosigns(witness, text, signatures)
        if when is not None:
            cosigned_by[name] = when
    lines = text[:-1].split("\n")
    try:
        origin, size, root = lines[0], int(lines[1]), b64(lines[2])
    except (ValueError, IndexError):
        raise Refused("this is not a checkpoint") from None
    if str(size) != lines[1] or len(root) != HASH_BYTES or not all(lines):
        raise Refused("this is not a checkpoint in its standard form")
    if origin not in signed_by:
        raise Refused(f"no log that you trust signed this checkpoint of {origin}")
    if not policy.fulfilled(cosigned_by):
        raise Refused(f"the cosignatures do not fulfil the quorum {policy.quorum}")
    return Checkpoint(origin, size, root, cosigned_by)


def _signature_line(line: str) -> tuple[str, bytes, bytes]:
    """Name, key id and signature."""
    try:
        dash, name, encoded = line.split(" ")
        data = b64(encoded)
    except ValueError:
        dash, name, data = "", "", b""
    if dash != "\u2014" or not name or len(data) <= KEY_ID_BYTES:
        raise Refused("the checkpoint has a malformed signature line")
    return name, data[:KEY_ID_BYTES], data[KEY_ID_BYTES:]


def _signs(log: Key, text: str, signatures: Sequence[tuple[str, bytes, bytes]]) -> bool:
    signed = False
    for name, key_id, signature in signatures:
        if (name, key_id) == (log.name, log.id):
            if not ed25519_verify(log.public, text.encode(), signature):
                raise Refused(f"the signature of {name} under the checkpoint is wrong")
            signed = True
    return signed


def _cosigns(witness: Key, text: str, signatures: Sequence[tuple[str, bytes, bytes]]) -> int | None:
    """When the witness cosigned; None if it did not."""
    times = []
    for name, key_id, signature in signatures:
        if (name, key_id) == (witness.name, witness.id):
            when = int.from_bytes(signature[:8], "big")
            message = b"cosignature/v1\ntime %d\n%s" % (when, text.encode())
            if when >= 2**63 or not ed25519_verify(witness.public, message, signature[8:]):
                raise Refused(f"the cosignature of {name} is wrong")
            times.append(when)
    return times[0] if times else None


# -------------------- inclusion (RFC 9162 §2.1.3.2)


def is_included(record: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof leads from the record in that place to the root."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, hashlib.sha256(b"\0" + record).digest()
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = hashlib.sha256(b"\1" + sibling + found).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = hashlib.sha256(b"\1" + found + sibling).digest()
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


# -------------------- the evidence


class Proven(NamedTuple):
    """The checkpoint, the records by index, those asked for, and what was found of each signature."""

    checkpoint: Checkpoint
    records: dict[int, Fields]
    asked: list[int]
    signatures: dict[int, str]


def check(data: bytes, policy: Policy) -> Proven:
    """What the file proves; Refused if it does not."""
    try:
        evidence = json.loads(data.decode())
        known = (evidence["form"], evidence["v"]) == ("exchange.v1.evidence", 1)
        entries, asked, note = evidence["entries"], evidence["asked"], evidence["checkpoint"]
        indices = [entry["index"] for entry in entries]
        numbers = all(type(index) is int for index in [*indices, *asked])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("this is not an evidence file") from None
    ordered = numbers and indices == sorted(set(indices)) and set(asked) <= set(indices)
    if not known or not ordered or not asked or not isinstance(note, str):
        raise Refused("this is not an evidence file of a version that this program knows")
    try:
        checkpoint = open_checkpoint(note, policy)
    except UnicodeEncodeError:
        raise Refused("the checkpoint is not text") from None
    records = {entry["index"]: _record(entry, checkpoint) for entry in entries}
    return Proven(checkpoint, records, sorted(set(asked)), dict(_signatures(records)))


def _record(entry: Fields, checkpoint: Checkpoint) -> Fields:
    index = entry["index"]
    try:
        line = entry["record"].encode()
        proof = [b64(step) for step in entry["proof"]]
        fields = json.loads(line.decode())
        again = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        raise Refused(f"record {index} is malformed") from None
    if not is_included(line, index, checkpoint.size, proof, checkpoint.root):
        raise Refused(f"record {index} is not in the log as shown: it, or its proof, was altered")
    if not isinstance(fields, dict) or again != line or fields.get("index") != index:
        raise Refused(f"record {index} is not a record in canonical form")
    if fields.get("v") != 1 or not all(isinstance(fields.get(key), str) for key in ("kind", "time")):
        raise Refused(f"record {index} lacks what every record has")
    return fields


def _signatures(records: dict[int, Fields]) -> Iterator[tuple[int, str]]:
    """One line for each signed statement; Refused if a signature is wrong."""
    certificates: dict[str, bytes] = {}
    before = ""
    for index, fields in sorted(records.items()):
        if fields["time"] < before:
            raise Refused(f"record {index} is older than the one before it")
        before = fields["time"]
        try:
            if fields["kind"] == "certificate":
                der = bytes.fromhex(fields["der"])
                if hashlib.sha256(der).hexdigest() != fields["certificate"]:
                    raise Refused(f"the certificate in record {index} has another fingerprint")
                certificates[fields["certificate"]] = der
            elif fields.get("statement"):
                yield index, _statement(index, fields, certificates.get(fields["certificate"]))
        except (LookupError, ValueError, TypeError, StopIteration, AttributeError, RuntimeError):
            raise Refused(f"record {index}, or its signer's certificate, is malformed") from None


def _statement(index: int, fields: Fields, der: bytes | None) -> str:
    if fields["kind"] in ("start", "end", "received", "refusal"):
        _agree(index, fields)
    if der is None:
        return "signature not checked: the signer's certificate is not in this file"
    point, names = certificate_facts(der)
    message = b"exchange.v1.statement\n" + fields["statement"].encode()
    if point is None or not ecdsa_verify(point, message, bytes.fromhex(fields["signature"])):
        raise Refused(f"the signature in record {index} does not fit its statement")
    speaker = fields.get("speaker") or fields.get("subject")
    if speaker not in names:
        raise Refused(f"record {index} is signed by {', '.join(names)}, not by {speaker}")
    return f"signed by {speaker}"


def _agree(index: int, fields: Fields) -> None:
    """The plain fields of a delivery are what its signed statement says."""
    said, kind = json.loads(fields["statement"]), fields["kind"]
    told = {
        key: said[key]
        for key in ("rows", "bytes", "batches", "digest", "reason", "subject", "dataset")
        if key in said
    }
    told["id"], told["kind"] = said["ticket"], said["kind"]
    told["speaker"] = said["consumer" if kind == "received" else "connector"]
    told["outcome"] = {"start": "started", "refusal": "refused"}.get(kind) or said["outcome"]
    if kind == "received":
        told["subject"] = said["consumer"]
    if any(fields.get(key) != value for key, value in told.items()):
        raise Refused(f"the fields of record {index} are not what its signed statement says")


# -------------------- what a person reads

SHOWN = (
    ("who", ("subject", "department")),
    ("what", ("dataset", "columns", "predicate")),
    ("purpose", ("purpose",)),
    ("decision", ("action", "decision", "outcome", "reason", "expires")),
    ("rule", ("rules", "state", "revision", "previous", "obligations")),
    ("how much", ("rows", "bytes", "batches", "digest")),
    ("said by", ("speaker",)),
    ("other", ("call", "target", "location", "event", "message", "bundle", "role", "certificate")),
)


def shown(value: Any) -> str:
    """A value for a terminal: what could steer the terminal is shown as text."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def report(found: Proven) -> Iterator[str]:
    """The lines to print."""
    checkpoint, records = found.checkpoint, found.records
    yield f"log       {shown(checkpoint.origin)}: {checkpoint.size} records, root {checkpoint.root.hex()}"
    yield "signed    by the log"
    for name, when in sorted(checkpoint.cosigned_by.items()):
        yield f"cosigned  by {shown(name)} at {_time(when)}"
    for index in found.asked:
        yield ""
        yield from _about(index, records)
        if index in found.signatures:
            yield f"   signature {shown(found.signatures[index])}"
    yield ""
    others = len(records) - len(found.asked)
    yield f"proven    {len(found.asked)} records are in the log as shown, and {others} that they refer to"
    yield "          this file cannot prove that the log holds no further record of the same access"


def _about(index: int, records: dict[int, Fields]) -> Iterator[str]:
    fields = records[index]
    yield f"#{index} {shown(fields['kind'])}  {shown(fields['time'])}  {shown(fields.get('id', ''))}"
    for title, names in SHOWN:
        given = [name for name in names if fields.get(name) not in (None, "", [])]
        if given:
            yield f"   {title:<9} " + "; ".join(f"{name} {shown(fields[name])}" for name in given)
    if fields["kind"] == "decision":
        yield f"   policy    {_policy(fields, records)}"


def _policy(fields: Fields, records: dict[int, Fields]) -> str:
    revision = fields.get("revision")
    for place, found in records.items():
        published = (found["kind"], found.get("outcome")) == ("publication", "published")
        if published and found.get("revision") == revision:
            by, when = shown(found.get("subject")), shown(found["time"])
            return f"revision {shown(revision)}, published by {by} at {when} (#{place})"
    return f"the publication of revision {shown(revision)} is not in this file"


def _time(seconds: int) -> str:
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (ValueError, OverflowError, OSError):
        return str(seconds)


def trusted(option: str, given: str) -> Policy:
    """The policy that the command line names."""
    policy = Policy()
    if option == "--key" and "+" in given and not Path(given).is_file():
        text = given
    else:
        try:
            text = Path(given).read_bytes().decode("utf-8", "surrogateescape")
        except OSError as error:
            raise Unreadable(f"{given} cannot be read: {error.strerror}") from None
    policy.read(f"log {text.strip()}\nquorum none\n" if option == "--key" else text)
    return policy


def main(words: Sequence[str]) -> int:
    """Verify and print; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if len(words) != 3 or words[1] not in ("--key", "--trust"):  # noqa: PLR2004 - file, option, value
        sys.stderr.write("usage: python verify_evidence.py EVIDENCE --key KEY | --trust POLICY\n")
        return 2
    try:
        policy = trusted(words[1], words[2])
        lines = list(report(check(Path(words[0]).read_bytes(), policy)))
    except Refused as error:
        sys.stdout.write(f"NOT PROVEN  {shown(str(error))}\n")
        return 1
    except (Unreadable, OSError) as error:
        sys.stderr.write(f"{shown(str(error))}\n")
        return 2
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
