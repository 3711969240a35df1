from __future__ import annotations

import pytest

from builder.errors import BuildError, LockError
from builder.progress import Event, Note
from builder.settings.model import Settings
from builder.spec.model import Platform
from builder.store.upstream import Upstream
from tests.support.lock_samples import BASE, image_spec


@pytest.mark.parametrize(
    ("channel", "url"),
    [
        ("conda-forge", "https://conda.anaconda.org/conda-forge"),
        ("nvidia/label/cuda-12", "https://conda.anaconda.org/nvidia/label/cuda-12"),
        ("https://conda.example.org/forge/", "https://conda.example.org/forge"),
        ("defaults", "https://repo.anaconda.com/pkgs/main"),
    ],
)
def test_channels(channel: str, url: str) -> None:
    assert Upstream().channel_url(channel) == url
    assert Upstream().canonical(Upstream().channel_url(channel)) == url


def test_a_sites_own_mirror_is_not_locked() -> None:
    site = Upstream(
        read=lambda: Settings(mirrors={"https://conda.anaconda.org/": "https://mirror.example.org/conda/"})
    )
    solved = f"{site.channel_url('conda-forge')}/linux-64/x.conda"
    assert solved.startswith("https://mirror.example.org/conda/conda-forge/")
    assert site.canonical(solved) == "https://conda.anaconda.org/conda-forge/linux-64/x.conda"
    assert site.address(site.canonical(solved)) == solved


def test_a_channel_of_the_settings() -> None:
    site = Upstream(read=lambda: Settings(channels={"lab": "https://conda.example.org/lab"}))
    assert site.channel_url("lab") == "https://conda.example.org/lab"
    assert site.channel_url("lab/label/dev") == "https://conda.example.org/lab/label/dev"
    assert site.channel_url("labs") == "https://conda.anaconda.org/labs"


@pytest.mark.parametrize(
    ("settings", "arguments"),
    [
        (Settings(), ()),
        (
            Settings(wheel_index="https://w.example.org/simple/"),
            ("--default-index", "https://w.example.org/simple/"),
        ),
        (
            Settings(
                wheel_index="https://w.example.org/simple/",
                mirrors={"https://w.example.org/": "http://127.0.0.1:8/s/"},
            ),
            ("--default-index", "http://127.0.0.1:8/s/simple/"),
        ),
    ],
)
def test_the_wheel_index(settings: Settings, arguments: tuple[str, ...]) -> None:
    assert Upstream(read=lambda: settings).wheel_index() == arguments


def test_an_image_without_cuda_asks_the_index_of_cpu_builds_as_well() -> None:
    settings = Settings(
        cpu_wheel_index="https://c.example.org/cpu/",
        mirrors={"https://c.example.org/": "https://m.example.org/c/"},
    )
    source = Upstream(read=lambda: settings)
    assert source.wheel_index() == ()
    best = ("--index-strategy", "unsafe-best-match")
    assert source.on_cpu().wheel_index() == ("--index", "https://m.example.org/c/cpu/", *best)


def test_settings_are_read_when_they_are_needed() -> None:
    def read() -> Settings:
        raise AssertionError("nobody asked for a URL")

    source = Upstream(read=read)
    assert source.id.label == "upstream"
    assert source.installer(image_spec(), "linux/amd64").version == "26.5.3-1"


@pytest.mark.parametrize(
    ("ref", "pinned"),
    [
        ("docker.io/library/debian:bookworm-slim", "docker.io/library/debian:bookworm-slim@sha256:1"),
        ("registry.example.org:5000/debian", "registry.example.org:5000/debian@sha256:1"),
        ("registry.example.org:5000/debian@sha256:2", "registry.example.org:5000/debian@sha256:2"),
    ],
)
def test_the_base_is_locked_by_digest(ref: str, pinned: str) -> None:
    def digest(asked: str, platform: Platform) -> str:
        assert (asked, platform) == (ref, "linux/amd64")
        return "sha256:1"

    spec = image_spec(base=BASE.model_copy(update={"ref": ref}))
    assert Upstream(digest).base(spec, "linux/amd64").ref == pinned


def test_a_tag_that_nobody_resolved_is_said() -> None:
    events: list[Event] = []
    base = Upstream(observer=events.append).base(image_spec(), "linux/amd64")
    assert base.ref == BASE.ref
    assert [type(event) for event in events] == [Note]


def test_a_registry_that_cannot_be_asked_leaves_the_tag_and_is_said() -> None:
    def unreachable(_ref: str, _platform: Platform) -> str:
        raise BuildError("no such host")

    events: list[Event] = []
    assert Upstream(unreachable, events.append).base(image_spec(), "linux/amd64").ref == BASE.ref
    assert [event.text for event in events if isinstance(event, Note)] == [
        f"{BASE.ref}: the registry could not be asked (no such host), so the lock names the tag and not its digest"
    ]


def test_a_base_that_is_not_made_for_the_platform_is_refused() -> None:
    spec = image_spec(base=BASE.model_copy(update={"platforms": ("linux/amd64",)}))
    with pytest.raises(LockError, match="not made for linux/arm64"):
        Upstream().base(spec, "linux/arm64")


def test_the_installer_comes_from_the_shipped_table() -> None:
    found = Upstream().installer(image_spec(), "linux/amd64")
    assert found.filename.endswith("26.5.3-1-Linux-x86_64.sh")
    assert len(found.sha256) == 64
    assert not found.stand_in
