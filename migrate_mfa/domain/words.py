"""Words for people: how long something takes."""

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY_IN_MINUTES = 24 * 60


def duration(seconds: float) -> str:
    """A length of time in its two largest units: `45 s`, `3 min 20 s`, `2 h 05 min`, `4 d 14 h`.

    Rounded to the smaller unit shown; less than nothing is `0 s`.
    """
    whole = max(0, round(seconds))
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = round(whole / 60)
    if minutes < _DAY_IN_MINUTES:
        return f"{minutes // 60} h {minutes % 60:02} min"
    hours = round(minutes / 60)
    return f"{hours // 24} d {hours % 24:02} h"
