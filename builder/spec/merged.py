"""The merged environment as a file that other conda tools read."""

from __future__ import annotations

from typing import Any

import yaml

from builder.spec.environment import NO_DEFAULTS
from builder.spec.model import CondaEnvironment


def merged_environment_yaml(environment: CondaEnvironment) -> str:
    """environment.yml after `extends` and the variant, ending in a newline.

    `nodefaults` stands last among the channels: without it conda appends the configured ones.
    """
    dependencies: list[Any] = list(environment.conda)
    if environment.pip:
        dependencies.append({"pip": list(environment.pip)})
    data: dict[str, Any] = {
        "name": environment.name,
        "channels": [*environment.channels, NO_DEFAULTS],
        "dependencies": dependencies,
    }
    if environment.variables:
        data["variables"] = dict(environment.variables)
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)
    return text
