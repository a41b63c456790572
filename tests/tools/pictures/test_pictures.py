from tests.tools.pictures.pictures import FOLDER, live_view


def test_the_picture_of_the_live_view_is_the_one_that_the_program_shows_now() -> None:
    assert (FOLDER / "live-view.svg").read_text(encoding="utf-8") == live_view(), "make pictures"


def test_the_picture_refers_to_nothing_outside() -> None:
    assert live_view().count("http") == live_view().count("http://www.w3.org/2000/svg")
