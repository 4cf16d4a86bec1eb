"""The process: health, reflection, who may call what, and everything that refuses to start."""

from __future__ import annotations

import grpc
import pytest
from broker_house import LOCATION, TIMEOUT_S, House, question
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from exchange.broker.rpc_policy import ALLOWED, may_call
from exchange.broker.server import Broker
from exchange.errors import ConfigError
from exchange.model.subject import CITY, Kind
from exchange.v1 import access_pb2, audit_pb2, catalogue_pb2, policy_pb2, receipts_pb2
from exchange.wire import flight
from exchange.wire.access import command_to_bytes

CONTRACT = {
    f"/{service.full_name}/{method}"
    for module in (access_pb2, audit_pb2, catalogue_pb2, policy_pb2, receipts_pb2)
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods_by_name
}


def test_every_call_of_the_contract_stands_in_the_table() -> None:
    assert not CONTRACT - ALLOWED.keys()


def test_call_that_is_not_in_the_table_is_open_to_nobody() -> None:
    unlisted = {flight.path(verb) for verb in flight.VERBS} - ALLOWED.keys()
    served = {flight.path(verb) for verb in ("ListFlights", "GetFlightInfo", "GetSchema")}
    assert len(unlisted) == len(flight.VERBS) - len(served)
    assert unlisted.isdisjoint(served)
    assert not any(may_call(kind, path) for kind in Kind for path in unlisted)


def test_no_kind_but_a_system_reaches_data() -> None:
    reading = [path for path in ALLOWED if "Access" in path or flight.SERVICE in path]
    assert all(ALLOWED[path] == {Kind.SYSTEM} for path in reading)


def test_health_says_serving_to_every_authenticated_peer(house: House) -> None:
    for kind in (Kind.SYSTEM, Kind.CONNECTOR):
        health = health_pb2_grpc.HealthStub(house.channel(house.actor("port", kind)))
        for name in ("", "exchange.v1.AccessService", flight.SERVICE):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT_S)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING


def test_watching_health_is_refused_because_it_would_hold_a_worker(house: House) -> None:
    stub = health_pb2_grpc.HealthStub(house.dispatch())
    for _ in range(house.settings.limits.workers + 2):
        with pytest.raises(grpc.RpcError) as caught:
            next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S))
        assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert house.ask().ticket


def test_reflection_names_the_services(house: House) -> None:
    database = ProtoReflectionDescriptorDatabase(house.dispatch())
    assert {path.split("/")[1] for path in CONTRACT} <= set(database.get_services())


def test_without_a_client_certificate_there_is_no_call(house: House) -> None:
    roots = house.settings.tls.roots.read_bytes()
    target = f"127.0.0.1:{house.running.port}"
    options = [("grpc.ssl_target_name_override", f"broker.{CITY}.zhongshui.example")]
    with grpc.secure_channel(target, grpc.ssl_channel_credentials(roots), options) as anonymous:
        call = anonymous.unary_unary("/exchange.v1.AccessService/RequestAccess")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", timeout=5)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_t23_message_beyond_the_limit_fails_alone(house: House) -> None:
    call = house.dispatch().unary_unary("/exchange.v1.AccessService/RequestAccess")
    with pytest.raises(grpc.RpcError) as caught:
        call(bytes(house.settings.limits.message_bytes_max + 1), timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert house.ask().ticket


def test_message_that_is_no_protobuf_is_refused_and_recorded(house: House) -> None:
    call = house.dispatch().unary_unary("/exchange.v1.AccessService/RequestAccess")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff", timeout=TIMEOUT_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (record,) = house.records("decision")
    assert (record["decision"], record["reason"]) == ("deny", "request-invalid")


def test_question_larger_than_a_record_is_refused_and_that_is_recorded(house: House) -> None:
    call = house.dispatch().unary_unary("/exchange.v1.AccessService/RequestAccess")
    columns = tuple(f"{number:04}" for number in range(4096))
    with pytest.raises(grpc.RpcError):
        call(command_to_bytes(question(columns=columns, where="x" * 16_000)), timeout=TIMEOUT_S)
    (record,) = house.records("decision")
    assert record["decision"] == "deny"
    assert house.tickets_issued() == 0


def test_port_in_use_is_a_configuration_error(house: House) -> None:
    taken = f"127.0.0.1:{house.running.port}"
    other = house.settings.model_copy(
        update={
            "listen": taken,
            "state": house.folder / "other-state",
            "audit": house.folder / "other-audit",
        }
    )
    second = Broker(other)
    with pytest.raises(ConfigError, match="cannot listen on"):
        second.start()


def test_certificate_of_another_kind_does_not_make_a_broker(house: House) -> None:
    wrong = house.settings.model_copy(update={"tls": house.actor("port", Kind.CONNECTOR)})
    with pytest.raises(ConfigError, match="is the certificate of spiffe://port") as caught:
        Broker(wrong)
    assert "exchange pki issue" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "text"),
    [({"operating_state": "panic"}, "operating_state"), ({"trust_domain": "other.example"}, "trust domain")],
)
def test_settings_that_the_policies_contradict_do_not_start(
    house: House, changes: dict[str, str], text: str
) -> None:
    house.stop()
    with pytest.raises(Exception, match=text):
        Broker(house.settings.model_copy(update=changes))


def test_registration_survives_a_restart(house: House) -> None:
    house.restart()
    assert house.ask().offers[0].location == LOCATION
    assert len(house.records("registration")) == 1
