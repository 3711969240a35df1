"""Fails as a real test would: with a traceback."""

expected, got = 6, 5
assert got == expected, f"prediction at 3 is {got}"
