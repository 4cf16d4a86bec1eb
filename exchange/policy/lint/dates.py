"""Obligations whose time is over, has not come, or can never come.

An obligation that is not in force shuts what it covers (it must not fall away silently). A steward should
learn that before the readers do.
"""

from __future__ import annotations

import datetime as dt

from exchange.policy.files.department import DepartmentPart
from exchange.policy.files.faults import Faults, refused
from exchange.policy.files.rules import ObligationRule

SOON = dt.timedelta(days=14)
_SUCCEED = 'move `valid_until`, or write another with succeeds = "{}"'


def check_dates(part: DepartmentPart, now: dt.datetime, faults: Faults) -> None:
    """Hand in obligations that shut everything now or forever; warn of those that soon will."""
    rules = {rule.demand.id: rule for listed in part.obligations.values() for rule in listed}
    for rule in rules.values():
        _check(rule, [other for other in rules.values() if other.lineage == rule.lineage], now, faults)


def _check(rule: ObligationRule, lineage: list[ObligationRule], now: dt.datetime, faults: Faults) -> None:
    name = rule.demand.id.rpartition("#")[2]
    start, end = rule.valid_from, rule.valid_until
    continued = any(other.in_force(now) for other in lineage)
    if start is not None and end is not None and start >= end:
        what = f"obligation {name!r} is never in force: it ends before it begins"
        faults.add(refused(rule.place, what, "mend the dates", "valid_until"))
    elif end is not None and end <= now:
        _check_past(rule, name, end, faults, continued=continued)
    elif start is not None and now < start and not continued:
        what = f"obligation {name!r} is in force from {_day(start)} only; until then all it covers is refused"
        faults.warn(rule.place, what, "begin earlier, or let it succeed another", "valid_from")
    elif end is not None and end - now <= SOON and not _covered(end, lineage):
        what = f"obligation {name!r} ends on {_day(end)}; then all it covers is refused"
        faults.warn(rule.place, what, _SUCCEED.format(name), "valid_until")


def _check_past(
    rule: ObligationRule, name: str, end: dt.datetime, faults: Faults, *, continued: bool
) -> None:
    if continued:
        what = f"obligation {name!r} ended on {_day(end)} and another succeeded it"
        faults.warn(rule.place, what, "remove it once nobody asks about that time", "valid_until")
    else:
        what = f"obligation {name!r} ended on {_day(end)}: all it covers is refused"
        faults.add(refused(rule.place, what, _SUCCEED.format(name), "valid_until"))


def _covered(moment: dt.datetime, lineage: list[ObligationRule]) -> bool:
    return any(rule.in_force(moment) for rule in lineage)


def _day(moment: dt.datetime) -> str:
    return moment.date().isoformat()
