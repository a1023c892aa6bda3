"""Cases by their names."""

from verify.case import Case
from verify.cases import CASES


def case_named(key: str) -> Case:
    return next(case for case in CASES if case.key == key)
