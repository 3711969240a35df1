"""One more line for a table of names and numbers."""

from __future__ import annotations

import pytest

from builder.engine.accounts import with_line

TABLE = "root:x:0:0:root:/root:/bin/bash\napp:*:1000:0::/home/app:/bin/bash\n"


@pytest.mark.parametrize(
    ("text", "line", "after"),
    [
        (TABLE, "me:*:1234:5678::/home/app:/bin/bash", TABLE + "me:*:1234:5678::/home/app:/bin/bash\n"),
        (TABLE, "me:*:1000:100::/home/app:/bin/bash", TABLE),
        (
            TABLE,
            "app:*:1234:5678::/home/app:/bin/bash",
            TABLE + "app-1234:*:1234:5678::/home/app:/bin/bash\n",
        ),
        (TABLE.rstrip("\n"), "me:*:12:", TABLE + "me:*:12:\n"),
        ("", "me:*:12:", "me:*:12:\n"),
        ("odd\n\n", "me:*:12:", "odd\n\nme:*:12:\n"),
    ],
    ids=["unknown", "known number", "known name", "no line end", "empty", "odd"],
)
def test_a_line_more(text: str, line: str, after: str) -> None:
    assert with_line(text, line) == after
