"""Would have another file read as its result, and says that all is well."""

import os
from pathlib import Path

print("passed")
Path(os.environ["IMGBUILD_RESULT"]).symlink_to("/etc/passwd")
