import pytest

from migrate_mfa.domain.model import ClearPhone, MarkUnverified, Phone, SetSmsMfa, Step, StorePhone
from migrate_mfa.domain.rollback import Write
from migrate_mfa.domain.row_progress import stored_number, where_it_stands
from migrate_mfa.domain.rows import PlannedBy
from tests.support.builders import PHONE

STORED = Write(StorePhone(Phone(PHONE), verified=True), sure=True)
UNPROVED = Write(StorePhone(Phone(PHONE), verified=False), sure=True)
LOST = Write(StorePhone(Phone(PHONE), verified=True), sure=False)
ON = SetSmsMfa(enabled=True, preferred=True)
OFF = SetSmsMfa(enabled=False, preferred=False)


def switched(step: Step, *, sure: bool = True) -> Write:
    return Write(step, sure)


@pytest.mark.parametrize(
    ("verb", "writes", "says"),
    [
        (PlannedBy.RUN, [], "Not done yet"),
        (PlannedBy.RUN, [STORED], "The number is stored and verified, SMS MFA is not switched on yet"),
        (PlannedBy.RUN, [UNPROVED], "The number is stored, SMS MFA is not switched on yet"),
        (
            PlannedBy.RUN,
            [LOST],
            "The number may be stored (Cognito's answer is missing), SMS MFA is not switched on yet",
        ),
        (
            PlannedBy.RUN,
            [STORED, switched(ON, sure=False)],
            "The number is stored and verified, SMS MFA may be on (Cognito's answer is missing)",
        ),
        (PlannedBy.RUN, [switched(ON)], "SMS MFA is switched on but was not checked yet"),
        (PlannedBy.RECONCILE, [UNPROVED], "The number is stored, SMS MFA is not switched on yet"),
        (PlannedBy.REPAIR, [STORED, switched(ON)], "SMS MFA is not known to be on again yet"),
        (PlannedBy.DISABLE, [], "Not done yet"),
        (PlannedBy.DISABLE, [switched(OFF)], "SMS MFA is switched off but was not checked yet"),
        (PlannedBy.DISABLE, [switched(OFF, sure=False)], "SMS MFA may be off (Cognito's answer is missing)"),
        (PlannedBy.ROLLBACK, [STORED, switched(ON)], "Not restored yet"),
        (
            PlannedBy.ROLLBACK,
            [STORED, switched(ON), switched(OFF)],
            "SMS MFA is off again, and the number that was stored is still there",
        ),
        (
            PlannedBy.ROLLBACK,
            [STORED, switched(ON), switched(OFF), Write(ClearPhone(), sure=False)],
            "SMS MFA is off again",
        ),
    ],
)
def test_what_is_so_of_a_user_whose_row_is_open_is_said(
    verb: PlannedBy, writes: list[Write], says: str
) -> None:
    assert where_it_stands(verb, writes) == f"{says}; run the same command again."


@pytest.mark.parametrize(
    ("writes", "number"),
    [
        ([], None),
        ([LOST], None),
        ([STORED, switched(ON)], PHONE),
        ([LOST, UNPROVED], PHONE),
        ([STORED, Write(ClearPhone(), sure=False)], None),
        ([STORED, Write(MarkUnverified(Phone(PHONE)), sure=True)], None),
    ],
)
def test_the_number_that_is_stored_is_the_one_that_cognito_has_answered_for(
    writes: list[Write], number: str | None
) -> None:
    assert stored_number(writes) == number
