"""What conda says when it fails, by the words that were seen, and what is made of it."""

from __future__ import annotations

import pytest

from builder.engine.advice import advice, no_space
from builder.engine.faults import EngineFull, failure


@pytest.mark.parametrize(
    "text",
    [
        "InvalidArchiveError('Error with archive /x.conda.  You probably need to delete and re-download it. [Errno 28]",
        "Rolling back transaction: done\n[Errno 28] No space left on device: '/opt/conda/envs/x'",
        "write /var/lib/docker/tmp/x: no space left on device",
        "OSError: [Errno 122] Disk quota exceeded",
    ],
)
def test_a_full_disk_is_told_before_what_conda_makes_of_it(text: str) -> None:
    assert no_space(text)
    error = failure(text, "building x")
    assert isinstance(error, EngineFull)
    assert error.what == "no space left on the engine's disk"
    assert text in error.detail


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("ChecksumMismatchError: Conda detected a mismatch", "not what the lock names"),
        ("sha256sum: WARNING: 1 computed checksum did NOT match", "not what the lock names"),
        (
            "CondaVerificationError: The package for x located at y appears to be corrupted.",
            "damaged package",
        ),
        (
            "PackagesNotFoundError: The following packages are not available\n  - numpyy",
            "does not find a package",
        ),
        ("CondaHTTPError: HTTP 000 CONNECTION FAILED for url <u>", "asked for the network"),
        ("OfflineError: EnforceUnusedAdapter called with url u", "asked for the network"),
        ("CondaEnvException: Pip failed", "pip part"),
        ("CondaToSNonInteractiveError: Terms of Service have not been accepted", "terms of service"),
    ],
)
def test_the_cause_in_one_sentence(text: str, what: str) -> None:
    found = advice(f"some line\n{text}\n")
    assert found is not None
    assert what in found.what
    assert found.fix


def test_other_words_speak_for_themselves() -> None:
    assert advice("make: *** [all] Error 2") is None
    assert not no_space("there is space left")
