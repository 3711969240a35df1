"""When a tool's refusal may come from a bad answer on the way, and is worth another look past its cache.

rattler and uv ask again by themselves where a server is busy or a connection breaks. What they take as it comes is an
answer that was cut where nothing said how long it is, and a page of something that stands in between (a login page):
it cannot be read, or seems to offer nothing, and may be kept in their caches for as long as its headers say.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from builder.proc import Finished
from builder.settings.patience import Policy

_UNREADABLE = re.compile(
    r"failed to (?:parse|decode|deserialize)|unexpected (?:JSON|HTML|end of)|(?:Missing|Unsupported) `Content-Type`|"
    r"decoding response body|end of file before|EOF while|incomplete frame|hash mismatch|checksum|"
    # the cache was asked about with the file's date, and a server's short 304 does not say which file it means
    r"unexpected status code \(304|"
    r"failed to unzip wheel(?!.*HTTP status)",
    re.IGNORECASE | re.DOTALL,
)
_EMPTY = re.compile(r"there are no versions of|was not found in the package registry")


def unreadable(error: Exception) -> bool:
    """Whether rattler met bytes that are no index."""
    return bool(_UNREADABLE.search(str(error)))


def until_readable(
    run: Callable[[bool], Finished], policy: Policy, sleep: Callable[[float], None] = time.sleep
) -> Finished:
    """What uv says in the end. run is told whether to look past the cache.

    An index that seems to have nothing is asked twice, one that cannot be read as often as the policy allows.
    """
    failed, result = 0, run(False)
    while result.code != 0:
        failed += 1
        most = (
            policy.attempts if _UNREADABLE.search(result.stderr) else 2 if _EMPTY.search(result.stderr) else 0
        )
        if failed >= min(most, policy.attempts):
            return result
        sleep(policy.wait(failed))
        result = run(True)
    return result
