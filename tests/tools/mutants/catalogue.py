"""What is broken on purpose: for each promise of the tool one or two ways, and the tests that must notice.

The promises:
    1. Conservation: every row is in exactly one report file.
    2. No write without a decision, and the state before it, in the journal first.
    3. In no second more calls than the share of the quota, repeats included.
    4. After a death at any instant the same command converges; no user gets a second SMS.
    5. Running again after success writes nothing.
    6. A rollback gives back what the run changed, for users whom nobody else touched.
    7. No full number and no address in logs, errors or on the terminal.
    8. Memory does not grow with the roster or the pool.
    9. plan and audit make nobody a billed user; run counts those whom it only read.
    10. A number that nobody claims_verified for or proved is never verified, and meets no MFA.
    11. A stronger factor is never demoted.
    12. A report on every ending; an unfinished run never looks like success.
    13. Live traffic comes first: throttles slow the run down, and it says so by name.
    14. Nothing is written to a pool in which it would have no effect, or an unwanted one.
"""

from __future__ import annotations

from typing import Final

from tests.tools.mutants.buckets import BUCKETS
from tests.tools.mutants.fleets import FLEETS
from tests.tools.mutants.journals import JOURNALS
from tests.tools.mutants.mutant import Mutant
from tests.tools.mutants.outside import OUTSIDE
from tests.tools.mutants.pages import PAGES
from tests.tools.mutants.way_back import WAY_BACK

PROMISES: Final = range(1, 15)

_SETTLE: Final = "tests/unit/engine/test_apply_row.py::"
_GATE: Final = "tests/unit/engine/test_write_gate.py::"
_RECOVERY: Final = "tests/commands/test_recovery.py::"
_PACER: Final = "tests/unit/pacing/test_limiter.py::"
_CONGESTION: Final = "tests/unit/pacing/test_adaptive_rate.py::"
_PACED: Final = "tests/unit/pacing/test_user_pool.py::"
_EXECUTE: Final = "tests/unit/engine/test_execute.py::"
_DECIDE: Final = "tests/unit/domain/test_decide.py::"
_POOL: Final = "tests/commands/test_run_refusals.py::TestPool::"
_STOPS: Final = "tests/process/test_run_stops.py::"

MUTANTS: Final = (
    Mutant(
        name="a row falls between two pages",
        promise=1,
        breach="Where the journal is read in pages, the row after each page is left out of the report.",
        file="migrate_mfa/journal/report_store.py",
        find='after = found[-1]["row"]',
        put='after = found[-1]["row"] + 1',
        tests=("tests/unit/reports/test_conservation.py",),
    ),
    Mutant(
        name="open rows are not reported",
        promise=1,
        breach="unprocessed.csv is never written.",
        file="migrate_mfa/reports/outcomes.py",
        find="    for outcome in Outcome:\n",
        put='    for outcome in (each for each in Outcome if each.value != "unprocessed"):\n',
        tests=("tests/unit/reports/test_conservation.py",),
    ),
    Mutant(
        name="write first, journal later",
        promise=2,
        breach="The first write is sent before its decision and the state before it are in the journal.",
        file="migrate_mfa/engine/row_writer.py",
        find="        intent = store.record_intent(self._work, state, plan, now())\n",
        put=(
            "        self._make(plan.steps[0])\n"
            "        intent = store.record_intent(self._work, state, plan, now())\n"
        ),
        tests=(_SETTLE + "test_before_every_write_its_intent_the_decision_and_the_state_before_are_on_disk",),
    ),
    Mutant(
        name="the state before is replaced",
        promise=2,
        breach="A resumed run keeps the state after its own first write as the state before.",
        file="migrate_mfa/journal/write_store.py",
        find="INSERT OR IGNORE INTO before_images",
        put="INSERT OR REPLACE INTO before_images",
        tests=("tests/unit/engine/test_state_before.py",),
    ),
    Mutant(
        name="one call too many a second",
        promise=3,
        breach="The window of one second takes one call more than the share.",
        file="migrate_mfa/pacing/limiter.py",
        find="deque(maxlen=max(1, int(ceiling_rps)))",
        put="deque(maxlen=int(ceiling_rps) + 1)",
        tests=(_PACER + "test_no_second_holds_more_than_the_ceiling_however_late_calls_are_sent",),
    ),
    Mutant(
        name="counted before it is sent",
        promise=3,
        breach="A call counts in the window when its thread is let go, not when it is sent.",
        file="migrate_mfa/pacing/limiter.py",
        find="                self._window.append(permit)\n",
        put="                self._window.append(permit)\n                permit.sent_at = now\n",
        tests=(_PACER + "test_the_moment_of_sending_counts_and_not_the_moment_of_letting_go",),
    ),
    Mutant(
        name="a lost answer is sent again",
        promise=4,
        breach="A write whose answer was lost is repeated without a look at the user.",
        file="migrate_mfa/pacing/retry.py",
        find="WRITES = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED})",
        put="WRITES = frozenset({Effect.THROTTLED, Effect.NOT_EXECUTED, Effect.UNKNOWN})",
        tests=(
            _SETTLE + "test_no_user_gets_a_second_sms_even_when_reads_are_late",
            _PACED + "test_a_write_whose_effect_is_unknown_is_never_repeated_here",
        ),
    ),
    Mutant(
        name="no patience after a death",
        promise=4,
        breach="A resumed run does not wait for the last write of the dead one to show.",
        file="migrate_mfa/engine/apply_row.py",
        find="        known_of_it = self._let_settle(last)\n",
        put='        known_of_it = ""\n',
        tests=(_SETTLE + "test_a_write_that_was_in_flight_at_a_death_is_given_time_to_show",),
    ),
    Mutant(
        name="an equal number is stored again",
        promise=5,
        breach="A number that the pool has already, unproven, is written again, and a code sent again.",
        file="migrate_mfa/domain/decide.py",
        find="    elif state.phone != target.e164:\n        steps.append(StorePhone(target, verified=False))",
        put="    elif not proven:\n        steps.append(StorePhone(target, verified=False))",
        tests=("tests/unit/engine/test_run_again.py",),
    ),
    Mutant(
        name="the old number stays away",
        promise=6,
        breach="A rollback switches SMS MFA off and leaves the number of the run.",
        file="migrate_mfa/domain/rollback.py",
        find="steps = [*_mfa_steps(before, state), *_phone_steps(before, state, pool)]",
        put="steps = [*_mfa_steps(before, state)]",
        tests=("tests/commands/test_give_back.py",),
    ),
    Mutant(
        name="what others did is undone too",
        promise=6,
        breach="A rollback overwrites what somebody else changed since the run.",
        file="migrate_mfa/domain/rollback.py",
        find="if _shape(state) not in {_shape(each) for each in possible}:",
        put="if state.sub != before.sub:",
        tests=("tests/unit/domain/test_rollback.py::test_a_user_whom_somebody_else_changed_is_left_alone",),
    ),
    Mutant(
        name="the text of an error is logged whole",
        promise=7,
        breach="What goes into the log keeps its numbers and addresses.",
        file="migrate_mfa/journal/log.py",
        find="    rest = scrub(text)\n",
        put="    rest = text\n",
        tests=(
            "tests/commands/test_leaks.py::test_the_log_keeps_no_number_and_no_address_whatever_it_is_given",
        ),
    ),
    Mutant(
        name="a bug is kept with its message",
        promise=7,
        breach="The traceback that is kept of a bug ends with the message, which can name a user.",
        file="migrate_mfa/cli/traceback_file.py",
        find="{frames}{type(error).__name__}",
        put="{frames}{type(error).__name__}: {error}",
        tests=(
            "tests/commands/test_leaks.py::test_a_bug_leaves_a_traceback_without_the_value_that_caused_it",
        ),
    ),
    Mutant(
        name="all rows are claimed at once",
        promise=8,
        breach="The whole roster is held in memory while it is worked on.",
        file="migrate_mfa/engine/execute.py",
        find="claim(self._verbs, self._last_row, self._batch_size)",
        put="claim(self._verbs, self._last_row, 10**9)",
        tests=(_EXECUTE + "test_rows_are_claimed_in_batches_and_never_all_at_once",),
    ),
    Mutant(
        name="a report is read whole",
        promise=8,
        breach="All rows of an outcome are held in memory while they are reported.",
        file="migrate_mfa/journal/report_store.py",
        find="            after,\n            _BATCH,\n",
        put="            after,\n            10**9,\n",
        tests=("tests/unit/reports/test_memory.py",),
    ),
    Mutant(
        name="the plan reads users one by one",
        promise=9,
        breach="A look-up of the plan is followed by AdminGetUser, which makes the user a billed one.",
        file="migrate_mfa/engine/find_users.py",
        find="return [user for user in shown if self._names(kind, value, user)]",
        put=(
            "return [self._user_pool.user(user.username) for user in shown if self._names(kind, value, user)]"
        ),
        tests=("tests/unit/engine/test_plan.py::test_a_plan_makes_no_call_that_bills_anybody",),
    ),
    Mutant(
        name="reads without a write are not counted",
        promise=9,
        breach="The run does not tell how many users became billed by a read alone.",
        file="migrate_mfa/engine/execute.py",
        find="result.read and not result.wrote",
        put="result.read and result.wrote",
        tests=(_EXECUTE + "test_users_who_were_only_read_are_counted",),
    ),
    Mutant(
        name="a row cannot lower trust",
        promise=10,
        breach="A row that says its number is not verified is stored as verified all the same.",
        file="migrate_mfa/domain/model.py",
        find="return VerificationPolicy.BY_CODE if claims_verified is False else self.verification",
        put="return self.verification",
        tests=(
            _DECIDE + "test_the_policy_and_the_column_say_how_a_new_number_becomes_verified",
            _DECIDE + "test_a_number_that_nobody_vouched_for_or_proved_is_never_marked_verified",
        ),
    ),
    Mutant(
        name="MFA before the proof",
        promise=10,
        breach="Under by-code MFA is switched on with a number that nobody has proved.",
        file="migrate_mfa/domain/decide.py",
        find="if ends is not Reason.AWAITING_CODE and _needs_sms_mfa(state, pool):",
        put="if _needs_sms_mfa(state, pool):",
        tests=(_DECIDE + "test_an_unproven_number_meets_mfa_only_under_at_sign_in",),
    ),
    Mutant(
        name="the pool's number is taken as it is",
        promise=14,
        breach="SMS MFA is switched on with a number of the pool that gets no SMS, or is none.",
        file="migrate_mfa/domain/decide.py",
        find="    if target != candidate.phone and (unusable := pool_number_problem(target.e164)):",
        put="    if target is None and (unusable := pool_number_problem(target.e164)):",
        tests=(_DECIDE + "test_a_number_of_the_pool_is_judged_like_one_of_the_roster",),
    ),
    Mutant(
        name="SMS is always preferred",
        promise=11,
        breach="SMS is preferred over the stronger factor that a user has.",
        file="migrate_mfa/domain/decide.py",
        find="preferred=state.mfa is None or not state.mfa.others",
        put="preferred=True",
        tests=(_DECIDE + "test_sms_is_added_beside_a_stronger_factor_and_never_preferred_over_it",),
    ),
    Mutant(
        name="a lost factor stays lost",
        promise=11,
        breach="A factor that our write switched off is not given back.",
        file="migrate_mfa/engine/user_history.py",
        find="        lost = had.mfa.others - state.mfa.others\n",
        put="        lost = had.mfa.others - had.mfa.others\n",
        tests=("tests/unit/engine/test_stronger_factor.py",),
    ),
    Mutant(
        name="no report when it goes wrong",
        promise=12,
        breach="A run that ends with an error writes no report.",
        file="migrate_mfa/invocation.py",
        find="        finally:\n            _end(invocation,",
        put="        else:\n            _end(invocation,",
        tests=(_STOPS + "TestFailures::test_too_many_refusals_stop_the_run_and_the_report_says_who",),
    ),
    Mutant(
        name="half a run looks finished",
        promise=12,
        breach="The summary of a run that was stopped says that it is finished.",
        file="migrate_mfa/invocation.py",
        find='return "stopped" if invocation.session.stop.cause or invocation.work.open_rows() '
        'else "finished"',
        put='return "finished"',
        tests=(_STOPS + "TestLimits::test_waves_of_max_users_go_on_until_nobody_is_left",),
    ),
    Mutant(
        name="throttles change nothing",
        promise=13,
        breach="A throttle does not slow the run down.",
        file="migrate_mfa/pacing/adaptive_rate.py",
        find="if sent_at <= self._cut_at:",
        put="if sent_at >= self._cut_at:",
        tests=(_PACER + "test_a_throttle_cuts_the_rate",),
    ),
    Mutant(
        name="turns from before a cut",
        promise=13,
        breach="Calls whose turns were given before a throttle go on at the rate before it.",
        file="migrate_mfa/pacing/limiter.py",
        find="oldest = max(self._clock.monotonic() - TURN_LASTS_S, self._congestion.cut_at)",
        put="oldest = self._clock.monotonic() - TURN_LASTS_S",
        tests=("tests/unit/pacing/test_turns.py::test_turns_from_before_a_cut_wait_for_the_pause_after_it",),
    ),
    Mutant(
        name="no pause after a throttle",
        promise=13,
        breach="The quota gets nothing back after a throttle, so the others find it empty.",
        file="migrate_mfa/pacing/adaptive_rate.py",
        find="return max(self._base * PAUSE, self.ceiling * SLOWEST)",
        put="return self._base",
        tests=(_CONGESTION + "test_the_first_refusal_pauses_holds_for_a_moment_and_climbs",),
    ),
    Mutant(
        name="a throttle is not named",
        promise=13,
        breach="A run that yields to live traffic does not say so.",
        file="migrate_mfa/pacing/measure.py",
        find="slowed_by=slowed_by(self._limiters)",
        put='slowed_by=""',
        tests=(_EXECUTE + "test_a_throttle_is_told_by_the_name_of_its_category_and_the_rate_left",),
    ),
    Mutant(
        name="any pool will do",
        promise=14,
        breach="Users are enrolled in a pool whose MFA is off.",
        file="migrate_mfa/checks/pool.py",
        find='Finding(code, Level.FAILURE, "MFA is switched off."',
        put='Finding(code, Level.INFO, "MFA is switched off."',
        tests=(_POOL + "test_a_pool_in_which_a_write_would_be_in_vain_or_harmful_is_refused",),
    ),
    Mutant(
        name="numbers that are held back",
        promise=14,
        breach="Unproven numbers are written to a pool that holds them back until they are verified.",
        file="migrate_mfa/checks/pool.py",
        find="Level.WARNING if policy is None else Level.FAILURE,",
        put="Level.WARNING,",
        tests=(
            "tests/unit/checks/test_preflight.py::test_a_policy_that_would_do_harm_in_this_pool_is_refused",
        ),
    ),
    Mutant(
        name="a number is taken from its holder",
        promise=14,
        breach="Right before a verified write nobody looks whether the number is another user's by now.",
        file="migrate_mfa/engine/row_writer.py",
        find="                self._holders.spare(step, self._gate.facts.phone_sign_in)\n",
        put="",
        tests=(_SETTLE + "test_a_number_that_became_another_users_since_the_plan_is_not_taken_from_them",),
    ),
    Mutant(
        name="nobody checks first",
        promise=14,
        breach="Users are enrolled although SNS sends to a few verified numbers only.",
        file="migrate_mfa/commands/run.py",
        find='_check_first(planning) if planning.invocation.command == "run" else ()',
        put="()",
        tests=(
            "tests/commands/test_check.py::test_a_run_into_the_sandbox_is_refused_and_a_wave_that_fits_it_is_not",
        ),
    ),
    Mutant(
        name="the pool is as it was",
        promise=14,
        breach="The pool's settings are read once: a run goes on writing to a pool that has changed since.",
        file="migrate_mfa/engine/live_pool.py",
        find="            if self._is_old():\n",
        put="            if self._is_old() and not self.facts:\n",
        tests=(
            _GATE + "test_a_pause_between_the_decision_and_the_write_is_noticed_before_the_write",
            "tests/commands/test_recovery.py::test_settings_that_change_meanwhile_are_judged_as_at_the_start",
        ),
    ),
    Mutant(
        name="decided before, written after",
        promise=14,
        breach="A write is made by settings that were read anew while it waited for its turn.",
        file="migrate_mfa/engine/write_gate.py",
        find="        token = before_write.set(self._require_same_pool)\n",
        put="        token = before_write.set(None)\n",
        tests=(_GATE + "test_a_pause_between_the_decision_and_the_write_is_noticed_before_the_write",),
    ),
    Mutant(
        name="a code that nobody counted",
        promise=14,
        breach="--max-sms is held against the plan only: who has changed since is sent a code.",
        file="migrate_mfa/engine/sms_allowance.py",
        find="                raise OverMaxSmsError\n",
        put="                pass\n",
        tests=(
            _GATE + "test_a_code_that_was_not_counted_is_not_sent",
            _EXECUTE + "test_users_who_would_be_sent_a_code_stay_open_and_the_others_are_done",
        ),
    ),
    Mutant(
        name="stored over",
        promise=4,
        breach="A row that is decided anew takes the number that its user has entered since.",
        file="migrate_mfa/engine/user_history.py",
        find="        decision = self.later_number(decision, state) or decision\n",
        put="",
        tests=(_GATE + "test_a_row_that_stored_its_number_once_leaves_the_user_the_one_entered_since",),
    ),
    Mutant(
        name="blamed for the pool",
        promise=12,
        breach="Users who were refused because the pool takes no writes from anybody are reported as failed.",
        file="migrate_mfa/engine/execute.py",
        find="self._context.store.reopen(refusals.rows)",
        put="0",
        tests=(_EXECUTE + "test_who_was_refused_with_everybody_is_open_again_when_the_pool_is_to_blame",),
    ),
    *WAY_BACK,
    *OUTSIDE,
    *BUCKETS,
    *FLEETS,
    *JOURNALS,
    *PAGES,
)
