"""Two images side by side, beside what their locks say: size, CUDA line, driver, GPUs, what their tests measured."""

from __future__ import annotations

from collections.abc import Mapping

from builder.fit.facts import LABELS
from builder.gpu.tables import gpus as gpu_table
from builder.gpu.target import Target, cover, is_unified, target
from builder.smoke.verdict import Verdict
from builder.values import Value


class ImageFacts(Value):
    """One image. size in bytes, as it is stored there (a registry's is compressed); place: `engine` or `registry`.

    gpus: of the table, on which code of it runs by the label that was measured when it was made; numbers: of its
    verdict, by `TEST: NAME`, with the environment where it is not the first; empty without one.
    """

    image: str
    id: str
    place: str
    size: int
    layers: int
    cuda: str = ""
    driver: str = ""
    torch: str = ""
    gpus: tuple[str, ...] = ()
    passed: bool | None = None
    numbers: dict[str, float | str] = {}


class Change(Value):
    """Something said once of an image. Empty where a side does not say it."""

    name: str
    old: str
    new: str


class ImageDiff(Value):
    """Two images. bytes: how much larger the new one is, None where they are not measured alike."""

    old: ImageFacts
    new: ImageFacts
    bytes: int | None
    changes: tuple[Change, ...]
    gpus_gained: tuple[str, ...]
    gpus_lost: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether both say the same."""
        return not (self.changes or self.gpus_gained or self.gpus_lost) and self.old.id == self.new.id


def image_facts(
    image: str,
    *,
    ids: tuple[str, ...],
    place: str,
    size: int,
    layers: int,
    labels: Mapping[str, str],
    verdict: Verdict | None,
) -> ImageFacts:
    """What an image's labels and verdict say. A verdict of another image counts for nothing."""
    mine = verdict if verdict is not None and verdict.image_id in ids else None
    cuda = labels.get(LABELS["cuda"], "")
    return ImageFacts(
        image=image,
        id=ids[0],
        place=place,
        size=size,
        layers=layers,
        cuda=cuda,
        driver=labels.get(LABELS["driver"], ""),
        torch=labels.get(LABELS["torch"], ""),
        gpus=_gpus(labels.get(LABELS["gpus"], "").split(), cuda),
        passed=mine.passed if mine else None,
        numbers=_numbers(mine),
    )


def _gpus(said: list[str], cuda: str) -> tuple[str, ...]:
    """Every GPU of the table that has code. A label is anybody's text: words that are no target are left out."""
    targets = tuple(one for text in said if (one := _target(text)) is not None)
    unified = _unified(cuda)
    return tuple(
        gpu.title
        for gpu in gpu_table().values()
        if targets and cover(targets, gpu.capability, unified=unified) != "none"
    )


def _target(text: str) -> Target | None:
    try:
        return target(text)
    except ValueError:
        return None


def _unified(cuda: str) -> bool:
    try:
        return is_unified(cuda)
    except ValueError:
        return False


def _numbers(verdict: Verdict | None) -> dict[str, float | str]:
    if verdict is None:
        return {}
    first = verdict.image.partition("@")[0]  # the first environment is called as the image: both have one
    return {
        f"{result.name}{'' if result.environment == first else f' in {result.environment}'}: {name}": value
        for result in verdict.results
        for name, value in result.numbers.items()
    }


def compare_images(old: ImageFacts, new: ImageFacts) -> ImageDiff:
    """What is another in the new one."""
    pairs = [
        ("CUDA", old.cuda, new.cuda),
        ("lowest driver", old.driver, new.driver),
        ("torch", old.torch, new.torch),
        ("layers", str(old.layers), str(new.layers)),
        ("verdict", _verdict(old), _verdict(new)),
    ]
    pairs += [
        (name, _number(old.numbers.get(name)), _number(new.numbers.get(name)))
        for name in sorted(old.numbers.keys() | new.numbers.keys())
    ]
    return ImageDiff(
        old=old,
        new=new,
        bytes=new.size - old.size if old.place == new.place else None,
        changes=tuple(
            Change(name=name, old=before, new=after) for name, before, after in pairs if before != after
        ),
        gpus_gained=tuple(one for one in new.gpus if one not in old.gpus),
        gpus_lost=tuple(one for one in old.gpus if one not in new.gpus),
    )


def _verdict(one: ImageFacts) -> str:
    return "" if one.passed is None else "passed" if one.passed else "failed"


def _number(value: float | str | None) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
