"""One tree of errors: a stable reason, a gRPC code, whether a retry can help, and a text for people.

    ExchangeError
    ├── ConfigError               a file or option the operator wrote is wrong
    ├── PkiError                  the certificate authority refuses, or a certificate or key is unusable
    ├── IdentityError             the peer's certificate names nobody this city knows
    ├── AccessRefused             a decision fell against the request (reason code and id, nothing else)
    ├── RequestInvalid            the request cannot mean anything
    │   ├── PredicateInvalid      the `where` text is malformed or does not fit the columns
    │   └── ColumnUnknown         a column that the subject cannot see, or that does not exist
    ├── TicketRefused             the connector does not admit this ticket
    ├── Unavailable               a part is down; retrying later can help
    │   ├── ConnectorUnavailable  the dataset's connector is not serving
    │   ├── NotRegistered         the broker does not know this connector (any more); it registers again
    │   ├── AuditUnavailable      nothing can be recorded, so nothing is answered
    │   └── LimitReached          a cap on streams, requests or sizes was met
    ├── StreamBroken              the stream ended without its sealed trailer: treat nothing as whole
    │   └── StreamMismatch        the trailer does not agree with what arrived
    ├── SourceFailed              the department's source failed while it was being read
    ├── PolicyInvalid             a policy file would not do what it says
    ├── RecordGone                retention removed the record; its place in the tree is still provable
    └── LogCorrupt                the audit log was altered or damaged; names the index

Only `public` ever leaves a process. `detail` goes to the operator's log.
"""

from __future__ import annotations

from typing import ClassVar


class ExchangeError(Exception):
    """Base of everything the exchange raises on purpose.

    Args:
        public: what the other side may read; short, lower case, no paths, SQL or host names of others.
        hint: what to do next, for people.
        detail: for the operator's log only.
        reason: overrides the class's stable reason where one class carries several (`AccessRefused`).
        id: the access id under which the audit log knows this event; "" where there is none.
    """

    reason: ClassVar[str] = "internal"
    code: ClassVar[str] = "INTERNAL"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        public: str,
        *,
        hint: str = "",
        detail: str = "",
        reason: str = "",
        id: str = "",  # noqa: A002
    ) -> None:
        super().__init__(public)
        self.public = public
        self.hint = hint
        self.detail = detail
        self.stable_reason = reason or type(self).reason
        self.id = id

    def __str__(self) -> str:
        """The text for people: what is wrong, reason code and id where the log has one, and the hint."""
        text = f"{self.public} ({self.stable_reason}, id {self.id})" if self.id else self.public
        return f"{text}\n  hint: {self.hint}" if self.hint else text


class ConfigError(ExchangeError):
    """A file or option the operator wrote is wrong; the text names the place and the mend."""

    reason = "config-invalid"
    code = "FAILED_PRECONDITION"


class PkiError(ExchangeError):
    """The certificate authority refuses to issue, or a certificate or key cannot be used."""

    reason = "pki-refused"
    code = "FAILED_PRECONDITION"


class IdentityError(ExchangeError):
    """The peer's certificate names nobody this city knows, or is no longer valid."""

    reason = "identity-refused"
    code = "UNAUTHENTICATED"


class AccessRefused(ExchangeError):
    """A decision fell against the request; an outsider learns a reason code and an id (T56)."""

    reason = "not-granted"
    code = "PERMISSION_DENIED"


class RequestInvalid(ExchangeError):
    """The request cannot mean anything; the text says which part."""

    reason = "request-invalid"
    code = "INVALID_ARGUMENT"


class PredicateInvalid(RequestInvalid):
    """The `where` text is malformed or does not fit the columns it names."""

    reason = "predicate-invalid"


class ColumnUnknown(RequestInvalid):
    """A column that does not exist or that the subject cannot see; the two answer alike."""

    reason = "column-unknown"


class TicketRefused(ExchangeError):
    """The connector does not admit this ticket; the reason code says which check failed."""

    reason = "ticket-refused"
    code = "PERMISSION_DENIED"


class Unavailable(ExchangeError):
    """A part of the exchange is down or busy; the same request may succeed later."""

    reason = "unavailable"
    code = "UNAVAILABLE"
    retryable = True


class ConnectorUnavailable(Unavailable):
    """The connector that owns the dataset is not serving."""

    reason = "connector-unavailable"


class NotRegistered(Unavailable):
    """The broker does not know this connector at this address; it registers (again) and goes on."""

    reason = "not-registered"
    code = "NOT_FOUND"


class AuditUnavailable(Unavailable):
    """Nothing can be recorded durably, so nothing is answered."""

    reason = "audit-unavailable"


class LimitReached(Unavailable):
    """A cap on streams, requests or sizes was met."""

    reason = "limit-reached"
    code = "RESOURCE_EXHAUSTED"


class StreamBroken(ExchangeError):
    """The stream ended before its trailer; what arrived so far is not the whole answer."""

    reason = "stream-broken"
    code = "DATA_LOSS"
    retryable = True


class StreamMismatch(StreamBroken):
    """The trailer's row count, digest or signature does not agree with what arrived."""

    reason = "stream-mismatch"
    retryable = False


class SourceFailed(ExchangeError):
    """The department's own source failed while it was being read."""

    reason = "source-failed"
    code = "ABORTED"
    retryable = True


class PolicyInvalid(ExchangeError):
    """A policy file would fail open, never match, or speak of what is not its own."""

    reason = "policy-invalid"
    code = "FAILED_PRECONDITION"


class RecordGone(ExchangeError):
    """A record's content was removed when its time to be kept was over; nothing is wrong with the log."""

    reason = "record-gone"
    code = "OUT_OF_RANGE"


class LogCorrupt(ExchangeError):
    """The audit log was altered or damaged.

    Args:
        public: what is wrong.
        index: the first record that does not hold; None when the fault is not at one record.
        hint: what to do next.
        detail: for the operator's log only.
    """

    reason = "log-corrupt"
    code = "DATA_LOSS"

    def __init__(
        self,
        public: str,
        *,
        index: int | None = None,
        hint: str = "",
        detail: str = "",
        reason: str = "",
        id: str = "",  # noqa: A002
    ) -> None:
        super().__init__(public, hint=hint, detail=detail, reason=reason, id=id)
        self.index = index
