"""What every engine does, proven for the fake of the unit tests and for Docker alike."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from builder.engine.port import Limits
from builder.errors import BuildError, UsageError
from builder.progress import Event, StepFinished, StepStarted, silent
from tests.contract.engine.conftest import World, spec_of
from tests.support.engine_base import context_of, tar_of, unique

HOSTILE = {
    "io.imgbuild.test.dollar": "$(touch /pwned) ${HOME} $HOME",
    "io.imgbuild.test.quotes": "\"double\" 'single' `tick`",
    "io.imgbuild.test.slashes": "back\\slash \\\\ \\n end\\",
    "io.imgbuild.test.template": "{{ x }} #not a comment = a=b",
    "io.imgbuild.test.spaces": "  two  spaces  ",
    "io.imgbuild.test.letters": "é 漢字",
    "io.imgbuild.test.empty": "",
    'io.imgbuild.test "name" $x': "v",
}


def _build(
    world: World, page: str, tag: str, labels: dict[str, str] | None = None
) -> tuple[str, list[Event]]:
    events: list[Event] = []
    image_id = world.engine.build(
        context_of(page),
        tag=tag,
        labels=labels or {},
        platform="linux/amd64",
        network="none",
        observer=events.append,
    )
    return image_id, events


def test_info_says_who_answers(world: World) -> None:
    info = world.engine.info()
    assert re.match(r"\d+\.\d+", info.version)
    assert info.platform.startswith("linux/")
    assert info.buildkit
    assert info.storage_driver


def test_an_imported_tar_is_found_by_tag_and_id(world: World) -> None:
    tag = world.tag("import")
    image = world.engine.import_tar(tag, iter([tar_of({"a": b"1"})]), labels=HOSTILE, platform="linux/amd64")
    assert image.tags == (tag,)
    assert dict(image.labels) == HOSTILE
    assert image.platform == "linux/amd64"
    assert world.engine.find(tag) == image
    assert world.engine.find(image.id) == image


def test_a_missing_image_is_none(world: World) -> None:
    assert world.engine.find(unique("missing")) is None
    assert world.engine.find("sha256:" + "0" * 64) is None


@pytest.mark.parametrize("value", ["two\nlines", "cr\r", "nul\0", "tab\t", "esc\x1b[0m"])
def test_a_label_with_control_characters_is_refused(world: World, value: str) -> None:
    tag = world.tag("import")
    with pytest.raises(UsageError, match="control characters"):
        world.engine.import_tar(tag, [tar_of({"a": b"1"})], labels={"x": value}, platform="linux/amd64")
    assert world.engine.find(tag) is None


class BrokenError(Exception):
    pass


def _broken(keep: int, error: BaseException) -> Iterator[bytes]:
    """Whole files of one block each, then an exception."""
    data = tar_of({f"file{number}": b"x" * 512 for number in range(8)})
    yield data[:keep]
    raise error


@pytest.mark.parametrize("keep", [1024 * 3, 1024 * 3 + 512, 1024 * 3 + 700, 1024 * 8], ids=str)
@pytest.mark.parametrize("kind", [BrokenError, KeyboardInterrupt, OSError, BrokenPipeError, TimeoutError])
def test_a_tar_that_breaks_off_makes_no_image(world: World, keep: int, kind: type[BaseException]) -> None:
    """At a file's border (3072, 8192), after a header, within a file: the source's own error comes out."""
    tag = world.tag("import")
    label = {"io.imgbuild.test.id": tag}
    error = kind("the hash differs")
    with pytest.raises(kind) as caught:
        world.engine.import_tar(tag, _broken(keep, error), labels=label, platform="linux/amd64")
    assert caught.value is error
    assert world.engine.find(tag) is None
    assert world.engine.find_by_label(label) == ()


def test_what_is_no_tar_is_a_build_error(world: World) -> None:
    tag = world.tag("import")
    with pytest.raises(BuildError):
        world.engine.import_tar(tag, [b"no tar at all" * 100], labels={}, platform="linux/amd64")
    assert world.engine.find(tag) is None


def test_a_build_is_tagged_labelled_and_told_in_steps(world: World) -> None:
    tag = world.tag("build")
    page = f"FROM {world.base_tag}\nRUN echo hello\n"
    image_id, events = _build(world, page, tag, HOSTILE)
    found = world.engine.find(tag)
    assert found is not None
    assert found.id == image_id
    assert HOSTILE.items() <= dict(found.labels).items()
    titles = [event.title for event in events if isinstance(event, StepStarted)]
    assert any("RUN echo hello" in title for title in titles)
    opened = {event.key for event in events if isinstance(event, StepStarted)}
    assert opened == {event.key for event in events if isinstance(event, StepFinished)}
    assert not any(event.error for event in events if isinstance(event, StepFinished))


def test_a_failed_build_names_step_code_and_last_lines_and_leaves_no_tag(world: World) -> None:
    tag = world.tag("build")
    page = f"FROM {world.base_tag}\nRUN echo one; echo why >&2; exit 3\n"
    with pytest.raises(BuildError) as caught:
        _build(world, page, tag)
    assert "RUN echo one" in caught.value.what
    assert "[2/2]" in caught.value.what
    assert "exit code 3" in caught.value.what
    assert sorted(caught.value.detail.splitlines()) == ["one", "why"]
    assert world.engine.find(tag) is None


def test_a_missing_base_is_a_build_error_that_names_it(world: World) -> None:
    with pytest.raises(BuildError, match="imgbuild-test/missing"):
        _build(world, f"FROM localhost:1/{unique('missing')}\nRUN x\n", world.tag("build"))


def test_an_exception_in_the_observer_comes_out_and_leaves_no_tag(world: World) -> None:
    tag = world.tag("build")

    def observer(event: Event) -> None:
        if isinstance(event, StepStarted) and "RUN" in event.title:
            raise BrokenError

    with pytest.raises(BrokenError):
        world.engine.build(
            context_of(f"FROM {world.base_tag}\nRUN sleep 300\n"),
            tag=tag,
            labels={},
            platform="linux/amd64",
            network="none",
            observer=observer,
        )
    assert world.engine.find(tag) is None


@pytest.mark.parametrize("kind", [BrokenError, KeyboardInterrupt, OSError])
def test_a_context_that_breaks_off_builds_nothing(world: World, kind: type[BaseException]) -> None:
    tag = world.tag("build")
    error = kind("gone")

    def context() -> Iterator[bytes]:
        yield from context_of(f"FROM {world.base_tag}\nRUN echo hello\n")
        raise error

    with pytest.raises(kind) as caught:
        world.engine.build(
            context(), tag=tag, labels={}, platform="linux/amd64", network="none", observer=silent
        )
    assert caught.value is error
    assert world.engine.find(tag) is None


def test_find_by_label_wants_all_labels_and_gives_the_newest_first(world: World) -> None:
    mark = unique("mark")
    for number in (1, 2, 3):
        labels = {"io.imgbuild.test.mark": mark, "io.imgbuild.test.odd": str(number % 2)}
        world.engine.import_tar(
            world.tag("import"), [tar_of({"n": b"%d" % number})], labels=labels, platform="linux/amd64"
        )
    found = world.engine.find_by_label({"io.imgbuild.test.mark": mark})
    assert [image.tags[0] for image in found] == world.tags[::-1]
    odd = world.engine.find_by_label({"io.imgbuild.test.mark": mark, "io.imgbuild.test.odd": "1"})
    assert [image.tags[0] for image in odd] == [world.tags[2], world.tags[0]]
    assert world.engine.find_by_label({"io.imgbuild.test.mark": mark[:-1]}) == ()


def test_a_second_name_and_its_removal(world: World) -> None:
    first, second = world.tag("import"), world.tag("second")
    image = world.engine.import_tar(first, [tar_of({"a": b"1"})], labels={"x": first}, platform="linux/amd64")
    world.engine.tag(image.id, second)
    both = world.engine.find(image.id)
    assert both is not None
    assert set(both.tags) == {first, second}
    world.engine.remove(first)
    assert world.engine.find(first) is None
    assert world.engine.find(second) is not None
    world.engine.remove(second)
    assert world.engine.find(image.id) is None
    world.engine.remove(second)  # quietly


def test_tagging_what_is_not_there_is_a_build_error(world: World) -> None:
    with pytest.raises(BuildError):
        world.engine.tag("sha256:" + "0" * 64, unique("tag"))


def test_a_run_that_ends_well(world: World) -> None:
    with world.engine.container(spec_of(world.base.id, "echo hello")) as container:
        result = container.run()
    assert (result.code, result.output) == (0, "hello\n")
    assert not result.timed_out
    assert not result.out_of_memory
    assert result.seconds > 0


def test_a_run_that_fails(world: World) -> None:
    with world.engine.container(spec_of(world.base.id, "echo hello; exit 3")) as container:
        assert container.run().code == 3


def test_a_run_that_hangs_is_killed_and_says_so(world: World) -> None:
    limits = Limits(memory=64 << 20, tmpfs=8 << 20, pids=16, seconds=0.5)
    spec = spec_of(world.base.id, "echo began; sleep 600", limits=limits)
    with world.engine.container(spec) as container:
        result = container.run()
    assert result.timed_out
    assert result.code is None
    assert result.output == "began\n"


def test_files_go_into_the_volume_and_come_out(world: World) -> None:
    script = "cat /proof/in/data.txt >/proof/out/result.json"
    with world.engine.container(spec_of(world.base.id, script)) as container:
        container.copy_in({"in/data.txt": b"\x00data\xff"}, writable=["out"])
        assert container.run().code == 0
        assert container.copy_out("out") == {"result.json": b"\x00data\xff"}
        assert container.copy_out("nothing") == {}
        assert container.kind("out/result.json") == "a regular file"
        assert container.kind("out") == "a directory"
        assert container.kind("out/nothing") == ""


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", "a//b", "", "a\nb"])
def test_a_path_that_leaves_the_volume_is_refused(world: World, name: str) -> None:
    with (
        world.engine.container(spec_of(world.base.id, "echo hello")) as container,
        pytest.raises(ValueError, match="not a path below the volume"),
    ):
        container.copy_in({name: b""})


def test_a_container_of_a_missing_image_is_a_build_error(world: World) -> None:
    with pytest.raises(BuildError, match="No such image"), world.engine.container(spec_of(unique("no"), "x")):
        pass


def test_nothing_is_swept_where_nobody_was_killed(world: World) -> None:
    with world.engine.container(spec_of(world.base.id, "echo hello")) as container:
        world.engine.sweep()
        assert container.run().code == 0


@pytest.mark.engine
def test_the_real_engine_tells_its_runtimes_and_whom_it_trusts(world_real: World) -> None:
    info = world_real.engine.info()
    assert "runc" in info.runtimes
    assert "127.0.0.0/8" in info.insecure
    assert info.devices == () or all("=" in name for name in info.devices)
