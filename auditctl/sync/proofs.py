"""The proofs of a place as rows, which verify writes as sentences or as JSON."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from auditctl.context import Context
from auditctl.sync.delta.path import TablePath
from auditctl.sync.place import Place
from auditctl.sync.sentences import alarms, describe_unbegun

if TYPE_CHECKING:
    from auditctl.sync.delta.verify import SourceProof


def proofs(place: Place, sources: Sequence[str | None], context: Context) -> list[dict[str, Any]]:
    """Prove a place; a table gives a row for each source of it, or for those that are named.

    What is wrong with the others is said in any case: all of the table was read.

    Raises:
        IntegrityError: it is not what was written.
        OutputError: its store cannot be reached.

    """
    if isinstance(place, TablePath):
        from auditctl.sync.delta.verify import verify_table

        found = {proof.source: proof for proof in verify_table(place, context.environ)}
        named = found if None in sources else sources
        lost = [name for name in named if name not in found] if found else [None]
        return [
            *(
                _proof_of_source(place.path, proof)
                for name, proof in found.items()
                if name in named or proof.wrong
            ),
            *(unproved(place.path, name, describe_unbegun(place.path, name)) for name in lost),
        ]
    from auditctl.sync.verify import verify as prove

    proof = prove(place)
    missing = alarms(place.path, proof.state, proof.state.deleted)
    return [{
        "path": place.path,
        "source": sources[0],
        "ok": not missing,
        "problem": missing or None,
        "records": proof.records,
        "bytes": proof.size,
        "files": proof.files,
        "moved_away": proof.elsewhere,
        "journal_lines": proof.lines,
        "covered": proof.state.covered and proof.state.covered._asdict(),
        "gaps": [gap._asdict() for gap in proof.state.gaps],
        "deleted": [file._asdict() for file in proof.state.deleted],
        "notes": proof.notes,
        "journal_hash": proof.state.head,
    }]  # fmt: skip


def _proof_of_source(path: str, proof: "SourceProof") -> dict[str, Any]:
    if proof.wrong:
        return unproved(path, proof.source, proof.wrong)
    state = proof.state
    missing = alarms(path, state)
    return {
        "path": path,
        "source": proof.source,
        "ok": not missing,
        "problem": missing or None,
        "records": proof.rows,
        "journal_lines": state.line + 1,
        "covered": state.covered and state.covered._asdict(),
        "gaps": [gap._asdict() for gap in state.gaps],
        "journal_hash": state.head,
    }


def unproved(path: str, source: str | None, problem: str) -> dict[str, Any]:
    """Return the row of what is not what was written."""
    return {"path": path, "source": source, "ok": False, "problem": problem}
