"""Mutants that leave something wrong in a journal: most are noticed by looking at it, by nothing else."""

from __future__ import annotations

from typing import Final

from tests.tools.mutants.mutant import Mutant

_EXAMPLES: Final = "tests/model/test_examples.py::"

JOURNALS: Final = (
    Mutant(
        name="a state before is of no row",
        promise=2,
        breach="The state before the first write is kept for a row that is not there.",
        file="migrate_mfa/journal/write_store.py",
        find="before = (work.user_sub, work.row, state_to_json(state), now)",
        put="before = (work.user_sub, -work.row, state_to_json(state), now)",
        tests=("tests/unit/engine/test_state_before.py",),
    ),
    Mutant(
        name="a write is of no pass",
        promise=2,
        breach="A write is journaled for an invocation that was never made.",
        file="migrate_mfa/journal/write_store.py",
        find="(work.row, work.user_sub, self._pass, steps_to_text((step,)), now)",
        put="(work.row, work.user_sub, self._pass + 1, steps_to_text((step,)), now)",
        tests=("tests/unit/engine/test_state_before.py",),
    ),
    Mutant(
        name="an open row keeps its reason",
        promise=1,
        breach="A row that is decided again is open and has the reason of its last end at once.",
        file="migrate_mfa/journal/rows.py",
        find="\" reason = NULL, detail = '', steps = ?, ends = ?, verb = ? WHERE row = ?\"",
        put="\" detail = '', steps = ?, ends = ?, verb = ? WHERE row = ?\"",
        tests=("tests/unit/engine/test_rollback.py",),
    ),
    Mutant(
        name="what disable gave up is planned for run",
        promise=12,
        breach="A failed row that has written is opened for a command that never works on this directory.",
        file="migrate_mfa/journal/plan_store.py",
        find="f\" detail = '' WHERE {_FAILED} AND steps NOTNULL AND {wrote}\"",
        put="f\" detail = '', verb = 'run' WHERE {_FAILED} AND steps NOTNULL AND {wrote}\"",
        tests=(_EXAMPLES + "test_a_user_whom_disable_has_given_up_is_taken_up_again",),
    ),
    Mutant(
        name="what the pool hides counts as undone",
        promise=6,
        breach="A rollback goes on where the pool requires MFA, and so shows no factors.",
        file="migrate_mfa/workflows/rollback.py",
        find="        if self.store.wrote_mfa():\n",
        put="        if False:\n",
        tests=(_EXAMPLES + "test_a_pool_that_requires_mfa_and_so_hides_it_lets_no_rollback_say_restored",),
    ),
)
