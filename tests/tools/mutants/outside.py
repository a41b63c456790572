"""Mutants of what comes from outside: answers, endpoints, networks, other processes, the terminal."""

from __future__ import annotations

from typing import Final

from tests.tools.mutants.mutant import Mutant

_LATE: Final = (
    "tests/unit/engine/test_apply_row.py::"
    "test_what_was_stored_and_shows_very_late_is_not_stored_again_by_the_next_process"
)
_ERRORS: Final = (
    "tests/answers/test_errors.py::"
    "test_whatever_an_operation_answers_nobody_is_harmed_and_everybody_can_be_given_back"
)

OUTSIDE: Final = (
    Mutant(
        name="half an answer is a bug",
        promise=12,
        breach="An answer without what it must have ends the command as a bug of ours.",
        file="migrate_mfa/aws/answers.py",
        find="            except _UNREADABLE as error:\n",
        put="            except ZeroDivisionError as error:\n",
        tests=("tests/answers/test_fuzz.py::test_no_reader_of_an_answer_breaks_on_one",),
    ),
    Mutant(
        name="members of any kind",
        promise=12,
        breach="A member of another kind than the API has is taken as it comes.",
        file="migrate_mfa/aws/answers.py",
        find="    if model.output_shape is not None and not _fits(parsed, model.output_shape):\n",
        put="    if not _fits:\n",
        tests=("tests/answers/test_fuzz.py::test_a_member_of_another_kind_is_a_garbled_answer",),
    ),
    Mutant(
        name="a proxy's page is an answer",
        promise=4,
        breach="A page that no Cognito gave is taken for the empty answer of a write that was done.",
        file="migrate_mfa/aws/answers.py",
        find="    if unread and not isinstance(json.loads(unread), dict):\n",
        put="    if not json:\n",
        tests=(
            (
                "tests/commands/test_bad_answers.py::"
                "test_a_write_whose_answer_is_garbage_is_read_back_before_mfa_goes_on"
            ),
        ),
    ),
    Mutant(
        name="a user is blamed for the pool's refusal",
        promise=12,
        breach="Where Cognito refuses to describe the pool, the user in whose turn it comes fails.",
        file="migrate_mfa/pacing/user_pool.py",
        find="        except ApiError as error:\n            raise OutOfReach(\n",
        put="        except ZeroDivisionError as error:\n            raise OutOfReach(\n",
        tests=(_ERRORS, "tests/unit/pacing/test_user_pool.py::test_a_refusal_is_raised_at_once"),
    ),
    Mutant(
        name="a message that failed was refused",
        promise=2,
        breach="A number that was stored before its message failed is journaled as refused.",
        file="migrate_mfa/domain/failure.py",
        find='        ("AdminUpdateUserAttributes", "InvalidParameterException"),\n',
        put="",
        tests=("tests/unit/engine/test_apply_row.py::test_a_refusal_ends_the_row_with_its_reason",),
    ),
    Mutant(
        name="stored again too soon",
        promise=4,
        breach="What an earlier process stored is stored again, a code sent again, if it shows late.",
        file="migrate_mfa/engine/apply_row.py",
        find="AGAIN_AFTER_S = 10.0",
        put="AGAIN_AFTER_S = 10.0 - 10.0",
        tests=(_LATE,),
    ),
    Mutant(
        name="only the last write was ours",
        promise=4,
        breach="A number that was stored is stored again where the process died at the write after it.",
        file="migrate_mfa/engine/apply_row.py",
        find="again = made.intersection(decision.steps) or (died and",
        put="again = (not died and made.intersection(decision.steps)) or (died and",
        tests=(
            (
                "tests/unit/engine/test_apply_row.py::"
                "test_what_was_stored_is_not_stored_again_after_a_death_at_the_next_write"
            ),
        ),
    ),
    Mutant(
        name="an answer to no question",
        promise=14,
        breach="What was typed before the question about a run is its answer.",
        file="migrate_mfa/cli/ask.py",
        find="        _forget_what_was_typed_ahead()\n",
        put="",
        tests=("tests/process/test_question.py::test_what_was_typed_before_the_question_is_no_answer_to_it",),
    ),
    Mutant(
        name="a pool's name moves the cursor",
        promise=14,
        breach="Control characters of a pool's name go to the terminal as they are.",
        file="migrate_mfa/domain/characters.py",
        find='    return _CONTROL.sub(lambda found: f"\\\\u{ord(found[0]):04x}", text)\n',
        put="    return text\n",
        tests=(
            "tests/unit/aws/test_user_pool.py::test_a_pools_name_is_one_line_that_a_terminal_shows_as_it_is",
            "tests/unit/cli/test_prompt.py",
        ),
    ),
    Mutant(
        name="another endpoint will do",
        promise=14,
        breach="A run goes on at another endpoint, where other users stand behind the same names.",
        file="migrate_mfa/session.py",
        find="    if began not in {None, lane.endpoint}:\n",
        put="    if not lane.endpoint:\n",
        tests=("tests/unit/aws/test_endpoints.py::test_a_run_goes_on_only_where_it_began",),
    ),
    Mutant(
        name="a call that was given up is sent",
        promise=4,
        breach="A request that nobody waits for any more goes out all the same, beside its repeat.",
        file="migrate_mfa/aws/deadline.py",
        find="            if self._abandoned:\n",
        put="            if self._abandoned and self._sent:\n",
        tests=("tests/unit/aws/test_deadline.py::test_what_was_not_sent_in_time_is_never_sent",),
    ),
    Mutant(
        name="no network ends the night",
        promise=4,
        breach="A network that is away for a minute spends the attempts of the calls.",
        file="migrate_mfa/pacing/network.py",
        find="            and (since is None or self._clock.monotonic() - since < self._patience_s)\n",
        put="            and since is None\n",
        tests=("tests/unit/pacing/test_network.py::test_a_network_that_comes_back_costs_no_attempts",),
    ),
    Mutant(
        name="a list without an end",
        promise=12,
        breach="Only a token that comes twice in a row is seen to lead in a circle.",
        file="migrate_mfa/engine/scan.py",
        find="        if count & (count - 1) == 0:",
        put="        if count >= 0:",
        tests=("tests/unit/engine/test_scan.py::test_tokens_that_go_round_in_a_circle_end_the_list",),
    ),
    Mutant(
        name="halves of characters",
        promise=1,
        breach="A roster that its encoding makes halves of characters of ends as a bug.",
        file="migrate_mfa/roster/text.py",
        find="            decoder.decode(block).encode()",
        put="            decoder.decode(block)",
        tests=("tests/unit/cli/test_variables.py::test_text_that_an_encoding_breaks_is_no_text",),
    ),
    Mutant(
        name="two lanes of one",
        promise=3,
        breach="Two processes with directories for temporary files of their own spend the share twice.",
        file="migrate_mfa/journal/run_dir.py",
        find="return _COMMON if usable else Path(tempfile.gettempdir())",
        put="return Path(tempfile.gettempdir())",
        tests=("tests/unit/journal/test_lock.py::test_two_directories_for_temporary_files_are_one_lane",),
    ),
)
