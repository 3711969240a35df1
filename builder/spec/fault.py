"""What is wrong with a piece of text, before anybody knows where it stands."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818  (a finding about a text, turned into a Problem where the place is known)
    """What is wrong with a piece of text, and what to do.

    private: the text may hold a password, so no message repeats it.
    """

    def __init__(self, what: str, fix: str, *, private: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.private = private
