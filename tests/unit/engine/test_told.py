"""What the engine says of GPUs, registries and separation (`GET /info`)."""

from __future__ import annotations

import pytest

from builder.engine.told import devices, insecure, security


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({}, ()),
        ({"DiscoveredDevices": None}, ()),
        (
            {
                "DiscoveredDevices": [
                    {"Source": "cdi", "ID": "nvidia.com/gpu=all"},
                    {"Source": "other", "ID": "x"},
                ]
            },
            ("nvidia.com/gpu=all",),
        ),
    ],
)
def test_devices(document: dict[str, object], found: tuple[str, ...]) -> None:
    assert devices(document) == found


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (None, ()),
        ({}, ()),
        (
            {
                "IndexConfigs": {"docker.io": {"Secure": True}, "lab:5000": {"Secure": False}, "odd": None},
                "InsecureRegistryCIDRs": ["127.0.0.0/8"],
            },
            ("lab:5000", "127.0.0.0/8"),
        ),
    ],
)
def test_insecure_registries(config: object, found: tuple[str, ...]) -> None:
    assert insecure({"RegistryConfig": config}) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (None, set()),
        (
            ["name=seccomp,profile=default", "name=rootless", "name=cgroupns"],
            {"seccomp", "rootless", "cgroupns"},
        ),
        (["name=selinux", "name=userns"], {"selinux", "userns"}),
    ],
)
def test_separation(said: object, found: set[str]) -> None:
    assert security({"SecurityOptions": said}) == found
