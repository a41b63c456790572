"""The generated topic is that of the code: `make docs` writes it again."""

from tests.docs.documents import topic
from tests.docs.reference import reference


def test_the_reference_is_not_stale() -> None:
    assert topic("reference") == reference(), "make docs writes it again"
