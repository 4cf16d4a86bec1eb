"""The files of a new city, from the templates beside this module; `exchange init` writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from string import Template

from exchange.audit.proofs.note import verifier_key
from exchange.broker.keys import open_keys
from exchange.config import load
from exchange.connector.settings import ConnectorSettings
from exchange.connector.uplink.witness_key import witness_key
from exchange.errors import ConfigError
from exchange.model.subject import CITY, Kind, Subject, is_department, spiffe_id
from exchange.security.pki.authority_store import AuthorityStore
from exchange.security.pki.enrolment import enrol
from exchange.security.pki.names import check_trust_domain

PORT_MAX = 65535


@dataclass(frozen=True)
class Plan:
    """What to write.

    Attributes:
        trust_domain: of the city.
        departments: each gets a connector, a client, a steward and a folder of policies.
        port: of the broker; the connectors take those after it.
        now_us: when the certificates begin.
    """

    trust_domain: str
    departments: tuple[str, ...]
    port: int
    now_us: int

    def check(self) -> None:
        """Refuse what could not work before anything is written.

        Raises:
            ConfigError: a department's name, none or one twice, or no room for the ports.
            PkiError: the trust domain is no lower-case DNS name.
        """
        check_trust_domain(self.trust_domain)
        for name in self.departments:
            if not is_department(name) or name in {CITY, "auditor"} or name.endswith("-steward"):
                raise ConfigError(
                    f"{name!r} cannot name a department", hint="lower-case letters, digits, hyphens"
                )
        if not self.departments or len(set(self.departments)) != len(self.departments):
            raise ConfigError("name at least one department, and each once")
        if not 0 < self.port <= PORT_MAX - len(self.departments):
            raise ConfigError(f"port {self.port} leaves no room for the connectors", hint="take 7400")


def write_city(folder: Path, plan: Plan) -> None:
    """Write certificates, configurations, sample data and policies into an empty folder.

    Raises:
        ConfigError: a file cannot be written.
    """
    authority = AuthorityStore.create(folder / "authority", plan.trust_domain, plan.now_us)
    for department in plan.departments:
        authority.add_department(department, plan.now_us)
    log_key = _write_broker(folder, plan, authority)
    for offset, department in enumerate(plan.departments, start=1):
        _write_connector(folder, plan, authority, department, plan.port + offset, log_key)
        _write_clients(folder, plan, authority, department, log_key)
        _write_policies(folder, plan, department)
    _write_client(folder, plan, authority, CITY, Kind.AUDITOR, "auditor", log_key)
    _write_client(folder, plan, authority, CITY, Kind.STEWARD, f"{CITY}-steward", log_key)
    configs = {name: folder / "departments" / name / "connector.toml" for name in plan.departments}
    _put(folder / "trust.txt", trust_policy(log_key, configs))
    _write_city_policies(folder, plan)
    _write_readme(folder, plan)


def make_log_key(state: Path, trust_domain: str) -> str:
    """The verifier key of the log of a broker with this state folder; its keys are made now.

    Raises:
        ConfigError: they cannot be.
    """
    return verifier_key(f"{trust_domain}/audit", open_keys(state / "keys").audit).text


def trust_policy(log_key: str, connectors: Mapping[str, Path]) -> str:
    """The city's trust policy: more than half of the connectors witness. Their witness keys are made now.

    Args:
        log_key: verifier key of the log.
        connectors: department to its connector.toml.

    Raises:
        ConfigError: a connector's configuration, or its key, cannot be used.
    """
    keys = {name: witness_key(load(config, ConnectorSettings)).text for name, config in connectors.items()}
    return _render(
        "trust.txt",
        log_key=log_key,
        witnesses="\n".join(f"witness {name} {key}" for name, key in keys.items()),
        needed=len(keys) // 2 + 1,
        names=" ".join(keys),
    )


def _write_broker(folder: Path, plan: Plan, authority: AuthorityStore) -> str:
    """Write the broker's folder; returns the verifier key of its log."""
    home = folder / "broker"
    _write(home / "broker.toml", "broker.toml", trust_domain=plan.trust_domain, port=plan.port)
    _enrol(authority, plan, CITY, Kind.BROKER, "", home / "tls")
    return make_log_key(home / "state", plan.trust_domain)


def _write_connector(
    folder: Path, plan: Plan, authority: AuthorityStore, department: str, port: int, log_key: str
) -> None:
    home = folder / "departments" / department
    _write(
        home / "connector.toml",
        "connector.toml",
        department=department,
        trust_domain=plan.trust_domain,
        port=port,
        broker_port=plan.port,
        log_key=log_key,
    )
    _write(home / "data" / "requests.csv", "requests.csv")
    _enrol(authority, plan, department, Kind.CONNECTOR, "", home / "tls")


def _write_clients(
    folder: Path, plan: Plan, authority: AuthorityStore, department: str, log_key: str
) -> None:
    _write_client(folder, plan, authority, department, Kind.SYSTEM, department, log_key)
    _write_client(folder, plan, authority, department, Kind.STEWARD, f"{department}-steward", log_key)


_NAMES = {Kind.SYSTEM: "desk", Kind.STEWARD: "steward", Kind.AUDITOR: "auditor"}
_TITLES = {
    Kind.SYSTEM: "A system of {0}: asks for data in the department's name.",
    Kind.STEWARD: "The steward of {0}: publishes the department's policy files.",
    Kind.AUDITOR: "An auditor of the {0}: fetches and verifies the log.",
}


def _write_client(
    folder: Path,
    plan: Plan,
    authority: AuthorityStore,
    department: str,
    kind: Kind,
    file: str,
    log_key: str,
) -> None:
    _write(
        folder / "clients" / f"{file}.toml",
        "client.toml",
        title=_TITLES[kind].format(department),
        trust_domain=plan.trust_domain,
        broker_port=plan.port,
        name=file,
        log_key=log_key,
    )
    _enrol(authority, plan, department, kind, _NAMES[kind], folder / "clients" / file)


def _write_policies(folder: Path, plan: Plan, department: str) -> None:
    home = folder / "policies" / "departments" / department
    for name in ("datasets.toml", "grants.csv", "obligations.toml"):
        _write(home / name, name, department=department, trust_domain=plan.trust_domain)


def _write_city_policies(folder: Path, plan: Plan) -> None:
    home = folder / "policies"
    words = "".join(_render("city_department.toml", department=name) for name in plan.departments)
    _write(home / "city.toml", "city.toml", trust_domain=plan.trust_domain, departments=words.rstrip() + "\n")
    _write(home / "model.conf", "model.conf")
    _write(home / "baseline" / "obligations.toml", "baseline_obligations.toml")
    _write(home / "baseline" / "conditions.rego", "baseline_conditions.rego")
    roles = _render("roles.csv") + "".join(
        f"g, department:{name}, role:partner\n" for name in plan.departments
    )
    _put(home / "baseline" / "roles.csv", roles)


def _write_readme(folder: Path, plan: Plan) -> None:
    lines = [f"  exchange connector serve departments/{name}/connector.toml" for name in plan.departments]
    _write(
        folder / "README.txt",
        "README.txt",
        trust_domain=plan.trust_domain,
        underline="=" * len(f"The city of {plan.trust_domain}"),
        serve="\n".join(lines),
        provider=plan.departments[0],
        consumer=plan.departments[-1],
    )


def _enrol(
    authority: AuthorityStore, plan: Plan, department: str, kind: Kind, name: str, folder: Path
) -> None:
    hosts = ["127.0.0.1"] if kind in {Kind.BROKER, Kind.CONNECTOR} else []
    subject = Subject.parse(spiffe_id(plan.trust_domain, department, kind, name), plan.trust_domain)
    enrol(authority, subject, hosts, folder, plan.now_us)


def _write(path: Path, template: str, **values: object) -> None:
    _put(path, _render(template, **values))


def _render(template: str, **values: object) -> str:
    text = (resources("exchange.cli") / "templates" / template).read_text(encoding="utf-8")
    return Template(text).substitute({key: str(value) for key, value in values.items()})


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
