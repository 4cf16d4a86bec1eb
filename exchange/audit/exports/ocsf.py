"""OCSF events of records, as JSON Lines: the schema's version 1.8.0, which later 1.x read unchanged.

What a kind becomes:

    decision (read)          Datastore Activity 6005, Query; (describe) Read of the table's description
    start, end, received     Datastore Activity 6005, Read
    refusal                  Datastore Activity 6005, Connect, failed
    publication              Entity Management 3004, Update of a policy
    revocation               Entity Management 3004, Deactivate of a permission
    registration             Entity Management 3004, Enroll, Update, Unenroll of a dataset
    certificate              Entity Management 3004, Enroll of a certificate
    log                      Application Lifecycle 6002, Start, Stop, Other
    administration           API Activity 6003
    kinds of the future      API Activity 6003, Other

Every short field of the record stands in `unmapped` with its leaf hash, and the whole record in `raw_data`:
nothing is lost.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, BinaryIO

from exchange.audit.exports.choice import Chosen
from exchange.audit.proofs.merkle import leaf_hash
from exchange.audit.records.entry import Entry

SCHEMA_VERSION = "1.8.0"
_INFORMATIONAL, _LOW, _MEDIUM = 1, 2, 3
_SUCCESS, _FAILURE, _OTHER_STATUS = 1, 2, 99
_OTHER = 99
_PROFILES = ["security_control"]
_SHA256 = 3
_STATUS = {_SUCCESS: "Success", _FAILURE: "Failure", _OTHER_STATUS: "Other"}
_SEVERITY = {_INFORMATIONAL: "Informational", _LOW: "Low", _MEDIUM: "Medium"}
_LONG = frozenset({"statement", "signature", "der", "files"})
_BAD = frozenset({"deny", "refused", "failed", "aborted", "cut", "lost"})

Event = dict[str, Any]


class Ocsf:
    """One event a line.

    Args:
        file: to write to.
        origin: of the log, for the events' ids: `<origin>/<index>`.
    """

    def __init__(self, file: BinaryIO, *, origin: str) -> None:
        self._file, self._origin = file, origin

    def write(self, one: Chosen) -> None:
        """Append a record's event."""
        text = json.dumps(event(one, self._origin), ensure_ascii=False, separators=(",", ":"))
        self._file.write(text.encode() + b"\n")

    def close(self) -> None:
        """Nothing is held back."""


def event(one: Chosen, origin: str) -> Event:
    """The event of a record.

    Args:
        one: the record.
        origin: of the log.
    """
    entry = one.entry
    class_uid, name, activity_id, activity, own = _CLASSES.get(entry.kind, _unknown)(entry)
    status_id = _status(entry)
    severity_id = _MEDIUM if entry.kind == "revocation" or status_id == _FAILURE else _INFORMATIONAL
    made: Event = {
        "class_uid": class_uid,
        "class_name": name,
        "category_uid": class_uid // 1000,
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": class_uid * 100 + activity_id,
        "time": entry.time_us // 1000,
        "severity_id": severity_id,
        "severity": _SEVERITY[severity_id],
        "status_id": status_id,
        "status": _STATUS[status_id],
        "status_code": _text(entry, "reason"),
        "status_detail": _text(entry, "outcome") or _text(entry, "decision") or _text(entry, "event"),
        "message": _message(entry),
        **own,
        "metadata": _metadata(entry, origin, _PROFILES if "action_id" in own else []),
        "raw_data": one.line.decode(),
        "raw_data_hash": _fingerprint(one.line),
        "unmapped": {**_short(entry), "leaf_hash": leaf_hash(one.line).hex()},
    }
    return {key: value for key, value in made.items() if value != ""}


Mapped = tuple[int, str, int, str, Event]


def _datastore(entry: Entry) -> Mapped:
    activity_id, activity = {"decision": (4, "Query"), "refusal": (3, "Connect")}.get(entry.kind, (1, "Read"))
    if _text(entry, "action") == "describe":
        activity_id, activity = 8, "List"
    dataset = _text(entry, "dataset") or "unknown"
    own: Event = {
        "actor": _actor(entry),
        "table": {"uid": dataset, "name": dataset},
        "type_id": 3,
        "type": "Table",
        "src_endpoint": {"name": _text(entry, "subject") or "unknown"},
    }
    if entry.kind != "decision":
        own["dst_endpoint"] = {"name": _owner(entry)}
    if _text(entry, "predicate"):
        own["query_info"] = {"query_string": _text(entry, "predicate"), "uid": _text(entry, "commitment")}
    if entry.kind == "decision":
        own |= _judgement(entry)
    return 6005, "Datastore Activity", activity_id, activity, own


def _policies(entry: Entry) -> Mapped:
    entity = {"type": "Policy", "uid": _text(entry, "department"), "policy": _policy(entry)}
    own: Event = {"actor": _actor(entry), "entity": entity, "comment": _text(entry, "message")}
    return 3004, "Entity Management", 3, "Update", own


def _permission(entry: Entry) -> Mapped:
    entity = {"type": "Ticket", "uid": _text(entry, "id") or "unknown", "name": _text(entry, "dataset")}
    own: Event = {"actor": _actor(entry), "entity": {**entity, "policy": _policy(entry)}}
    return 3004, "Entity Management", 11, "Deactivate", own


def _registered(entry: Entry) -> Mapped:
    activities = {"registered": (6, "Enroll"), "withdrawn": (7, "Unenroll"), "lost": (9, "Disable")}
    activity_id, activity = activities.get(_text(entry, "outcome"), (3, "Update"))
    entity = {"type": "Dataset", "uid": _text(entry, "dataset") or "unknown"}
    return 3004, "Entity Management", activity_id, activity, {"actor": _actor(entry), "entity": entity}


def _certificate(entry: Entry) -> Mapped:
    entity = {"type": "Certificate", "uid": _text(entry, "certificate"), "name": _text(entry, "subject")}
    own: Event = {"actor": _actor(entry), "entity": {name: value for name, value in entity.items() if value}}
    return 3004, "Entity Management", 6, "Enroll", own


def _key(entry: Entry) -> Mapped:
    entity = {
        "type": f"{_text(entry, 'role')} key",
        "uid": _text(entry, "certificate") or _text(entry, "target"),
        "name": _text(entry, "subject"),
    }
    own: Event = {"actor": _actor(entry), "entity": {name: value for name, value in entity.items() if value}}
    return 3004, "Entity Management", 6, "Enroll", own


def _lifecycle(entry: Entry) -> Mapped:
    activities = {"opened": (3, "Start"), "closed": (4, "Stop"), "recovered": (5, "Restart")}
    activity_id, activity = activities.get(_text(entry, "event"), (_OTHER, "Other"))
    app = {"name": "exchange broker", "vendor_name": "exchange", "version": _text(entry, "version")}
    own: Event = {"app": {name: value for name, value in app.items() if value}}
    return 6002, "Application Lifecycle", activity_id, activity, own


def _call(entry: Entry) -> Mapped:
    target = _text(entry, "target")
    own: Event = {
        "actor": _actor(entry),
        "api": {"operation": _text(entry, "call") or entry.kind},
        "src_endpoint": {"name": _text(entry, "subject") or "unknown"},
        **({"resources": [{"uid": target}]} if target else {}),
    }
    return 6003, "API Activity", _OTHER, "Other", own


def _unknown(entry: Entry) -> Mapped:
    return _call(entry)


_CLASSES: dict[str, Callable[[Entry], Mapped]] = {
    "decision": _datastore,
    "start": _datastore,
    "end": _datastore,
    "received": _datastore,
    "refusal": _datastore,
    "publication": _policies,
    "revocation": _permission,
    "registration": _registered,
    "certificate": _certificate,
    "key": _key,
    "log": _lifecycle,
    "administration": _call,
}


def _judgement(entry: Entry) -> Event:
    """What the profile `security_control` adds: what was decided, by which policy."""
    allowed = _text(entry, "decision") == "allow"
    verdict = (1, "Allowed", 1, "Allowed") if allowed else (2, "Denied", 2, "Blocked")
    names = ("action_id", "action", "disposition_id", "disposition")
    return {**dict(zip(names, verdict, strict=True)), "policy": {**_policy(entry), "is_applied": True}}


def _metadata(entry: Entry, origin: str, profiles: list[str]) -> Event:
    made = {
        "version": SCHEMA_VERSION,
        "uid": f"{origin}/{entry.index}",
        "original_event_uid": str(entry.index),
        "original_time": entry.time,
        "correlation_uid": _text(entry, "id"),
        "event_code": entry.kind,
        "log_name": origin,
        "log_version": str(entry.fields.get("v", "")),
        "product": {"name": "exchange", "vendor_name": "exchange"},
    }
    told = {key: value for key, value in made.items() if value != ""}
    return {**told, "profiles": profiles} if profiles else told


def _actor(entry: Entry) -> Event:
    who = _text(entry, "speaker") or _text(entry, "subject")
    if not who:
        return {"app_name": "exchange broker"}
    user: Event = {"uid": who, "type": "Service", "type_id": 4}
    if department := _text(entry, "department"):
        user["org"] = {"name": department}
    return {"user": user}


def _fingerprint(line: bytes) -> Event:
    return {"algorithm_id": _SHA256, "algorithm": "SHA-256", "value": hashlib.sha256(line).hexdigest()}


def _short(entry: Entry) -> Event:
    return {name: value for name, value in entry.fields.items() if name not in _LONG}


def _policy(entry: Entry) -> Event:
    rules = entry.fields.get("rules")
    named = [str(rule) for rule in rules] if isinstance(rules, list) else []
    revision = entry.fields.get("revision")
    return {"uid": ", ".join(named) or f"revision {revision}", "version": str(revision)}


def _owner(entry: Entry) -> str:
    return _text(entry, "speaker") if entry.kind != "received" else _text(entry, "dataset") or "unknown"


def _status(entry: Entry) -> int:
    said = {_text(entry, "outcome"), _text(entry, "decision")}
    if said & _BAD:
        return _FAILURE
    return _SUCCESS if said - {""} else _OTHER_STATUS


def _message(entry: Entry) -> str:
    said = _text(entry, "decision") or _text(entry, "outcome") or _text(entry, "event")
    about = _text(entry, "dataset") or _text(entry, "target")
    return " ".join(word for word in (entry.kind, said, about) if word)


def _text(entry: Entry, name: str) -> str:
    value = entry.fields.get(name)
    return value if isinstance(value, str) else ""
