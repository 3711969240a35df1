"""What a kit holds, for people and as a document."""

from __future__ import annotations

from builder.report.size import human_size
from builder.store.kit import Kit
from builder.store.kitfile import KitBase, KitInstaller


def kit_document(kit: Kit) -> dict[str, object]:
    """All that its kit.yml says but the files one by one; sizes in bytes."""
    held = kit.manifest
    return {
        "kit": held.id,
        "directory": str(kit.root),
        "stand_in": held.stand_in,
        "platform": held.platform,
        "images": list(held.images),
        "bases": [{"key": base.key, "ref": base.ref or None, "path": base.path} for base in held.bases],
        "installers": [
            {"installer": f"{one.kind}={one.version}", "path": one.path} for one in held.installers
        ],
        "files": len(held.files),
        "size": sum(file.size for file in held.files),
    }


def kit_text(kit: Kit) -> str:
    """The same in some lines."""
    held = kit.manifest
    what = "stand-in kit" if held.stand_in else "kit"
    size = human_size(sum(file.size for file in held.files))
    lines = [f"{what} {held.id[:12]} in {kit.root}: {held.platform}, {len(held.files)} files, {size}"]
    lines.append(f"images: {', '.join(held.images)}")
    lines += [f"base: {_base(base)}" for base in held.bases]
    lines += [f"installer: {_installer(one)}" for one in held.installers]
    folders: dict[str, list[int]] = {}
    for file in held.files:
        folders.setdefault(file.path.partition("/")[0], []).append(file.size)
    lines += [
        f"  {name + '/':<12}{len(sizes):>5} file{'s' if len(sizes) != 1 else ' '} {human_size(sum(sizes)):>8}"
        for name, sizes in sorted(folders.items())
    ]
    return "\n".join(lines)


def _base(base: KitBase) -> str:
    return f"{base.key}, {base.ref or f'made from the packages of {base.suite}'}"


def _installer(one: KitInstaller) -> str:
    name = one.path.rpartition("/")[2]
    return f"{one.kind}={one.version}, {name}{' (stand-in)' if one.locked and one.locked.stand_in else ''}"
