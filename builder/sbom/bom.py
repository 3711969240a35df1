"""From what was read in an image, and its lock where there is one, to the list of all that it is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from builder.engine.port import ImageInfo
from builder.lock.model import LockSet
from builder.sbom.conda import conda_components, ref_of
from builder.sbom.debian import debian_components, system_of
from builder.sbom.facts import CondaRecord, Packages
from builder.sbom.model import Bom, Component
from builder.sbom.python import python_components, read_distributions

PLAN, SOURCE, STAND_IN = "io.imgbuild.plan", "io.imgbuild.source", "io.imgbuild.stand-in"
EPOCH = "1970-01-01T00:00:00Z"
_SECONDS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


def make_bom(name: str, image: ImageInfo, packages: Packages, lock: LockSet | None, created: str = "") -> Bom:
    """The whole list, sorted by kind, place and name; equal for equal input.

    name: of the image, for people. lock: that it was made from; without one hashes are those that the image itself has
    kept. created: in place of the image's own time, as `2026-11-26T12:53:34Z`.
    """
    distributions = read_distributions(packages.python)
    holding = [record for record in packages.conda if not record.replaced]
    owners = {path: ref_of(one.prefix, one.name) for one in holding for path in one.distributions}
    interpreters = {one.prefix: ref_of(one.prefix, one.name) for one in holding if one.name == "python"}
    system = system_of(packages.os_release)
    found = [
        *conda_components(packages.conda, distributions, lock),
        *python_components(distributions, owners, interpreters, lock, image.platform),
        *debian_components(packages.dpkg, packages.copyright, system, lock),
    ]
    return Bom(
        name=name,
        image_id=image.id,
        platform=image.platform,
        plan=image.labels.get(PLAN, ""),
        source=image.labels.get(SOURCE, ""),
        created=created or _seconds(image.created),
        base=lock.base.ref if lock else "",
        system=system,
        components=_unlike(found),
        notes=tuple(_notes(image, packages.conda, found, lock)),
        unread=packages.unread,
    )


def _seconds(created: str) -> str:
    """The engine's time without its fractions; the epoch where it has none."""
    match = _SECONDS.match(created)
    return f"{match[1]}Z" if match and not created.startswith("0001") else EPOCH


def _unlike(found: Iterable[Component]) -> tuple[Component, ...]:
    """Sorted, each under a ref of its own: a name may lie twice in one environment's folders."""
    kinds = ("conda", "pypi", "deb")
    seen: dict[str, int] = {}
    made = []
    for one in sorted(
        found, key=lambda one: (kinds.index(one.kind), one.place, one.name, one.path, one.build)
    ):
        seen[one.ref] = seen.get(one.ref, 0) + 1
        again = seen[one.ref]
        made.append(one if again == 1 else one.model_copy(update={"ref": f"{one.ref}:{again}"}))
    return tuple(made)


def _notes(
    image: ImageInfo, records: Iterable[CondaRecord], found: Iterable[Component], lock: LockSet | None
) -> Iterator[str]:
    """What the list does not show by itself."""
    if image.labels.get(STAND_IN) == "true":
        yield "made from a stand-in kit: its conda packages are converted from wheels, and are not a channel's"
    for record in records:
        if record.replaced:
            yield f"conda's {record.name} {record.version} in {record.prefix} was replaced by pip"
    bare: dict[str, int] = {}
    for one in found:
        if not one.sha256:
            bare[one.kind] = bare.get(one.kind, 0) + 1
    for kind, number in bare.items():
        why = "dpkg keeps none" if kind == "deb" else "neither a lock nor the image has it"
        held = f"; the base they came with is {lock.base.ref}" if kind == "deb" and lock else ""
        many = f"{number} {kind} packages have" if number > 1 else f"1 {kind} package has"
        yield f"{many} no sha256 of the archive: {why}{held}"
