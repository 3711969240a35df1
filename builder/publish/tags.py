"""The tags an image gets: those asked for, with what was measured in the image put in, else lock, date and variant."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from builder.errors import UsageError
from builder.plan import Plan
from builder.smoke.verdict import Verdict
from builder.spec.model import ImageSpec
from builder.values import digest_of

PERMANENT = "imgbuild-"
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LISTS = re.compile(r"sha(?:256|512)-[0-9a-f]{32}")  # also shortened, and with `.sig` and its like behind
_WORD = re.compile(r"\{([a-z0-9_-]*)\}")


def permanent_tag(plan_digest: str) -> str:
    """The tag that the engine pushes to, and that nobody else moves."""
    return f"{PERMANENT}{plan_digest}"


def words(spec: ImageSpec, plans: Sequence[Plan], verdict: Verdict | None, day: date) -> dict[str, str]:
    """What `--tag` may put in between braces: of the definition, and every version that a test measured.

    plans: of all platforms that the tags stand for, in the definition's order, so that each of them says the same.
    """
    lock, plan = _one([one.lock.digest for one in plans]), _one([one.digest for one in plans])
    measured = {
        name: value
        for result in (verdict.results if verdict else ())
        for name, value in result.numbers.items()
        if isinstance(value, str) and re.fullmatch(r"[0-9][0-9A-Za-z.+!-]*", value)
    }
    fixed = {"lock": lock[:12], "plan": plan[:12], "date": f"{day:%Y%m%d}", "name": spec.name}
    return {**measured, **fixed, **({"variant": spec.variant} if spec.variant else {})}


def _one(digests: list[str]) -> str:
    return digests[0] if len(digests) == 1 else digest_of(digests)


def chosen_tags(asked: Sequence[str], known: dict[str, str]) -> tuple[str, ...]:
    """The tags to put, the ones that move last. Raises UsageError for a word that was not measured, or no tag."""
    patterns = tuple(asked) or _default(known)
    return tuple(dict.fromkeys(_filled(pattern, known) for pattern in patterns))


def _default(known: dict[str, str]) -> tuple[str, ...]:
    if "variant" in known:
        return ("{variant}-lock-{lock}", "{variant}-{date}", "{variant}")
    return ("lock-{lock}", "{date}", "latest")


def _filled(pattern: str, known: dict[str, str]) -> str:
    unknown = [name for name in _WORD.findall(pattern) if name not in known]
    if unknown:
        there = ", ".join(sorted(known))
        what = f"nothing called {unknown[0]!r} was measured"
        raise UsageError(what, where=f"--tag {pattern}", fix=f"there is {there}")
    tag = _WORD.sub(lambda found: known[found[1]].replace("+", "-").replace("!", "-"), pattern)
    return checked_tag(tag, f"--tag {pattern}")


def checked_tag(tag: str, where: str) -> str:
    """A tag that a user may move. Raises UsageError for what is none, for those of plans, which never move, and for
    those under which lists of referrers and signatures lie."""
    if not _TAG.fullmatch(tag):
        fix = "use letters, digits, and . _ - after the first"
        raise UsageError(f"`{tag}` is no tag", where=where, fix=fix)
    if tag.startswith(PERMANENT) or _LISTS.match(tag):
        raise UsageError(
            f"`{tag}` begins like the tags that never move", where=where, fix="choose another name"
        )
    return tag
