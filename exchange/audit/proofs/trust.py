"""Whom to believe of a log: its key, its witnesses, and how many of them (c2sp.org/tlog-policy)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from pydantic import Field

from exchange.audit.proofs.checkpoint import Checkpoint
from exchange.audit.proofs.cosignature import cosignatures
from exchange.audit.proofs.note import VerifierKey, open_signed
from exchange.audit.proofs.policytext import NONE, Group, parse_policy, shown
from exchange.errors import ConfigError, LogCorrupt
from exchange.model.base import Frozen


class Cosigned(Frozen):
    """A witness of the policy that cosigned.

    Attributes:
        name: in the policy; key_name: the name it signs with.
        time_s: unix seconds at which it cosigned.
    """

    name: str
    key_name: str
    time_s: int = Field(ge=0)


class Checked(Frozen):
    """A checkpoint that fulfils the policy.

    Attributes:
        checkpoint: what was signed.
        cosigned_by: the policy's witnesses that cosigned it, in the note's order; perhaps more than needed.
    """

    checkpoint: Checkpoint
    cosigned_by: tuple[Cosigned, ...] = ()


@dataclass(frozen=True)
class TrustPolicy:
    """What a checkpoint must bear to be believed.

    Attributes:
        logs: any of them may have signed it.
        witnesses: by their names in the policy.
        groups: likewise.
        quorum: a witness, a group, or `none`.
        urls: where a log (by its key's name) or a witness (by its name) is reached; not all have one.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, VerifierKey] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str = NONE
    urls: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_key(cls, key: VerifierKey) -> TrustPolicy:
        """The policy that asks for the log's own signature and no witness."""
        return cls(logs=(key,))

    @classmethod
    def parse(cls, text: str | bytes) -> TrustPolicy:
        """The policy in a file of the C2SP form; names are opaque, no Unicode form is preferred.

        Raises:
            ConfigError: malformed; it names the line and the mend.
        """
        found = parse_policy(text)
        return cls(tuple(found.logs), found.witnesses, found.groups, found.quorum, found.urls)

    @property
    def log(self) -> VerifierKey:
        """The one log.

        Raises:
            ConfigError: the policy has several.
        """
        if len(self.logs) != 1:
            raise ConfigError(
                f"the trust policy names {len(self.logs)} logs, and here one is needed",
                hint="keep one `log` line",
            )
        return self.logs[0]

    def log_named(self, origin: str) -> VerifierKey:
        """The log's key.

        Raises:
            ConfigError: the policy does not know that log.
        """
        for key in self.logs:
            if key.name == origin:
                return key
        raise ConfigError(f"the trust policy does not know the log {origin}")

    def fulfilled_by(self, names: Collection[str]) -> bool:
        """Whether cosignatures of these witnesses (by their names in the policy) make a quorum."""
        return self.quorum == NONE or self._witnessed(self.quorum, names)

    def check(self, note: bytes) -> Checked:
        """The checkpoint in the note, if a log of the policy signed it and a quorum cosigned it.

        Raises:
            LogCorrupt: malformed, a signature is wrong, the log's is missing, or the quorum is not met.
        """
        text, signatures = open_signed(note, [*self.logs, *self.witnesses.values()])
        checkpoint = Checkpoint.parse(text)
        signers = {found.key for found in signatures}
        # The origin binds: a log's key speaks for that log only (T60).
        if not any(key in signers and key.name == checkpoint.origin for key in self.logs):
            raise LogCorrupt(
                f"no log of the trust policy signed this checkpoint of {checkpoint.origin}",
                hint="compare the policy's `log` line with the log's published key",
            )
        names = {key: name for name, key in self.witnesses.items()}
        seen = tuple(
            Cosigned(name=names[found.key], key_name=found.key.name, time_s=found.time_s)
            for found in cosignatures(signatures)
        )
        if not self.fulfilled_by({found.name for found in seen}):
            by = ", ".join(shown(found.name) for found in seen) or "no witness"
            raise LogCorrupt(
                f"the checkpoint is cosigned by {by}, which does not fulfil the quorum {shown(self.quorum)}",
                hint="the log's witnesses may be down; take the file `cosigned` of the log",
            )
        return Checked(checkpoint=checkpoint, cosigned_by=seen)

    def _witnessed(self, name: str, names: Collection[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.needed
