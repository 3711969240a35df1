"""Package groups: the files that enter the engine together."""

from typing import Literal

from builder.lock.model import LockedFile
from builder.values import Value, digest_of


class PackageGroup(Value):
    """Files that enter the engine together as one content-addressed image, and are mounted from it.

    environment is empty for `installer`, `uv` and `apt`. files are ordered by file name.
    """

    kind: Literal["installer", "uv", "apt", "conda", "pip"]
    environment: str = ""
    files: tuple[LockedFile, ...]

    @property
    def digest(self) -> str:
        """Hex sha256 over all that the group's tar holds: kind, URLs and hashes, but not the environment's
        name.

        The URLs are content: the tar of a conda group carries them in `urls.txt`.
        """
        return digest_of([self.kind, [[file.url, file.sha256] for file in self.files]])

    @property
    def folder(self) -> str:
        """A readable name for it as a directory: `conda-1a2b3c4d5e6f`."""
        return f"{self.kind}-{self.digest[:12]}"

    @property
    def ref(self) -> str:
        """The image that holds the group in the engine."""
        return f"imgbuild/pkg:{self.digest}"

    @property
    def title(self) -> str:
        """What people call it: `35 conda packages of regression`, or the one file's name."""
        if len(self.files) == 1:
            return self.files[0].filename
        if not self.environment:
            return f"{len(self.files)} {self.kind} packages"
        return f"{len(self.files)} {self.kind} packages of {self.environment}"
