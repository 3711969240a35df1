# ruff: noqa: E501, ISC004  (printed problems stand as they are printed)
"""extends, variants, several environments: who wins, and what is said when it cannot be."""

from __future__ import annotations

import pytest

from builder.errors import DefinitionError, UsageError
from builder.spec.load import check, load_all, load_image
from builder.spec.model import Installer, Targets
from builder.spec.project import Project
from tests.unit.spec.conftest import MakeProject

PARENT_ENV = "channels: [bioconda, conda-forge]\ndependencies: [python=3.11, numpy, scikit-learn, {pip: [tabulate==0.8, rich]}]\nvariables: {A: a, B: b}\n"
PARENT = """\
summary: parent
cuda: "12.6"
platforms: [linux/amd64, linux/arm64]
apt: [bash]
env: {X: parent, Y: parent}
labels: {a: parent}
targets: {gpus: [t4], driver: "550"}
files: [{from: app, to: /app}]
snippets: {end: app/end.Dockerfile}
budget: {size: 1.5GB}
user: {name: me, uid: 2000}
smoke: [regression, {run: smoke/own.py, timeout: 5}]
"""
CHILD = """\
extends: parent
cmd: [python]
env: {Y: child}
targets: {driver: "580"}
files: [{from: lib, to: /lib2}]
smoke: [{run: t/own.py, timeout: 7}, {run: t/more.py, needs: gpu}]
"""
FILES = {
    "parent/environment.yml": PARENT_ENV,
    "parent/image.yml": PARENT,
    "parent/app/end.Dockerfile": "",
    "parent/smoke/own.py": "",
    "child/environment.yml": "dependencies: [Python=3.12, pandas, {pip: [Tabulate>=0.9]}]\nvariables: {B: c}\n",
    "child/image.yml": CHILD,
    "child/lib/x.py": "",
    "child/t/own.py": "",
    "child/t/more.py": "",
}


def test_a_child_is_merged_over_its_parent(make_project: MakeProject) -> None:
    project = make_project(FILES)
    spec = load_image(project, "child")
    (environment,) = spec.environments
    assert environment.name == "child"
    assert environment.channels == ("bioconda", "conda-forge")
    assert environment.conda == ("numpy", "scikit-learn", "Python=3.12", "pandas")
    assert environment.pip == ("rich", "Tabulate>=0.9")
    assert environment.variables == {"A": "a", "B": "c"}
    assert environment.file == project.envs / "child/environment.yml"
    assert spec.lineage == ("parent",)
    assert spec.summary == ""
    assert spec.cuda == "12.6"
    assert spec.platforms == ("linux/amd64", "linux/arm64")
    assert spec.env == {"X": "parent", "Y": "child"}
    assert spec.targets == Targets(gpus=("t4",), driver="580")
    assert [(file.source.relative_to(project.envs).as_posix(), file.to) for file in spec.files] == [
        ("parent/app", "/app"),
        ("child/lib", "/lib2"),
    ]
    assert spec.snippets == {"end": project.envs / "parent/app/end.Dockerfile"}
    assert spec.budget_bytes == 1_500_000_000
    assert (spec.user.name, spec.user.uid) == ("me", 2000)
    assert spec.cmd == ("python",)
    assert [(test.name, test.timeout, test.needs) for test in spec.smoke] == [
        ("regression", 300, None),
        ("own", 7, None),
        ("more", 300, "gpu"),
    ]


def test_the_parent_is_left_as_it_was(make_project: MakeProject) -> None:
    alone = load_image(make_project({k: v for k, v in FILES.items() if k.startswith("parent")}), "parent")
    assert load_image(make_project(FILES), "parent") == alone


def test_a_child_needs_no_environment_file_and_channels_are_replaced_whole(make_project: MakeProject) -> None:
    project = make_project(
        {
            **FILES,
            "bare/image.yml": "extends: child",
            "own/image.yml": "extends: parent",
            "own/environment.yml": "channels: [conda-forge]",
        }
    )
    assert load_image(project, "bare").lineage == ("child", "parent")
    assert (
        load_image(project, "bare").environments[0].conda
        == load_image(project, "child").environments[0].conda
    )
    assert load_image(project, "own").environments[0].channels == ("conda-forge",)


def test_a_package_does_not_stay_with_both_managers(make_project: MakeProject) -> None:
    project = make_project(
        {
            "parent/environment.yml": PARENT_ENV,
            "child/image.yml": "extends: parent",
            "child/environment.yml": "dependencies: [tabulate, {pip: [Scikit_Learn]}]",
        }
    )
    (environment,) = load_image(project, "child").environments
    assert environment.conda == ("python=3.11", "numpy", "tabulate")
    assert environment.pip == ("rich", "Scikit_Learn")
    assert [str(problem) for problem in check(project)] == [
        "envs/child/environment.yml:1:15: warning: dependencies: `scikit-learn` comes from pip here, and from conda in "
        "the parent, whose spec is dropped; keep it with one of them",
        "envs/child/environment.yml:1:15: warning: dependencies: `tabulate` comes from conda here, and from pip in the "
        "parent, whose line is dropped; keep it with one of them",
    ]


@pytest.mark.parametrize(
    ("files", "printed"),
    [
        (
            {"a/image.yml": "extends: regresion", "regression/environment.yml": "dependencies: [python]"},
            [
                "envs/a/image.yml:1:10: extends: no environment is called `regresion`; did you mean `regression`?"
            ],
        ),
        (
            {"a/image.yml": "extends: a"},
            ["envs/a/image.yml:1:10: extends: goes in a circle: a -> a; remove one `extends:`"],
        ),
        (
            {"a/image.yml": "extends: b", "b/image.yml": "extends: c", "c/image.yml": "extends: b"},
            [
                "envs/b/image.yml:1:10: extends: goes in a circle: c -> b -> c; remove one `extends:`",
                "envs/c/image.yml:1:10: extends: goes in a circle: b -> c -> b; remove one `extends:`",
            ],
        ),
        (
            {
                "a/image.yml": "extends: b",
                "b/image.yml": "base: nix",
                "b/environment.yml": "dependencies: ['$']",
            },
            [
                "envs/b/environment.yml:1:16: dependencies[0]: `$` is not a conda match spec; write it as `name`, "
                "`name=1.2` or `name>=1.2,<2`",
                "envs/b/image.yml:1:7: base: no base is called `nix`; known here: debian-bookworm, debian-trixie, "
                "ubuntu-jammy, ubuntu-noble",
            ],
        ),
    ],
)
def test_lineages_that_cannot_be(
    make_project: MakeProject, files: dict[str, str], printed: list[str]
) -> None:
    project = make_project(files)
    assert [str(problem) for problem in check(project)] == printed
    with pytest.raises(DefinitionError):
        load_image(project, "a")


def test_licences_are_inherited_list_by_list(make_project: MakeProject) -> None:
    project = make_project(
        {
            "a/environment.yml": "dependencies: [python]",
            "a/image.yml": "licences: {allow: [MIT], deny: [AGPL-3.0-only], kinds: [conda]}\n"
            "variants: {x: {licences: {kinds: [deb]}}}\n",
            "b/image.yml": "extends: a\nlicences: {allow: [ISC, ISC]}",
        }
    )
    child = load_image(project, "b").licences
    assert (child.allow, child.deny, child.kinds) == (("ISC",), ("AGPL-3.0-only",), ("conda",))
    assert load_image(project, "a@x").licences.kinds == ("deb",)


ALLOWED = """\
cuda: "13.0"
allow:
  - {check: cpu-build, package: xgboost, reason: parent}
  - {check: replaced, package: opencv-python, reason: parent}
variants:
  cpu: {allow: [{check: cpu-build, package: torch, reason: variant}]}
"""


def test_allowances_are_inherited_and_a_child_s_reason_counts(make_project: MakeProject) -> None:
    project = make_project(
        {
            "a/environment.yml": "dependencies: [python]",
            "a/image.yml": ALLOWED,
            "b/image.yml": "extends: a\nallow: [{check: cpu-build, package: xgboost, reason: child}]",
        }
    )
    plain, cpu, child = load_all(project)
    assert [(one.check, one.package, one.reason) for one in child.allow] == [
        ("cpu-build", "xgboost", "child"),
        ("replaced", "opencv-python", "parent"),
    ]
    assert [one.package for one in cpu.allow] == ["xgboost", "opencv-python", "torch"]
    assert plain.allow == cpu.allow[:2]


def test_the_same_may_be_allowed_once(make_project: MakeProject) -> None:
    entry = "{check: cpu-build, package: torch, reason: r}"
    project = make_project(
        {"a/environment.yml": "dependencies: [python]", "a/image.yml": f"allow: [{entry}, {entry}]"}
    )
    assert [str(problem) for problem in check(project)] == [
        "envs/a/image.yml:1:56: allow[1]: cpu-build of `torch` is allowed above; keep one of them"
    ]


VARIED = """\
summary: plain
cuda: "13.0"
env: {A: a}
smoke: [regression]
variants:
  cpu: {cuda: none, base: debian-trixie, installer: miniforge=26.3.2-3, env: {B: b}}
  cu126: {environment: environment.cu126.yml, cuda: "12.6", summary: old, platforms: [linux/arm64], smoke: [{run: v.py}]}
"""


def varied(make_project: MakeProject, image: str = VARIED) -> Project:
    return make_project(
        {
            "parent/environment.yml": "dependencies: [python=3.11, numpy]",
            "x/environment.yml": "dependencies: [pandas]",
            "x/environment.cu126.yml": "channels: [a]\ndependencies: [polars]",
            "x/image.yml": image + "extends: parent\n",
            "x/v.py": "",
        }
    )


def test_variants_are_merged_over_the_image(make_project: MakeProject) -> None:
    project = varied(make_project)
    parent, plain, cpu, cu126 = load_all(project)
    assert [spec.ref for spec in (parent, plain, cpu, cu126)] == ["parent", "x", "x@cpu", "x@cu126"]
    assert [spec.tag() for spec in (plain, cpu)] == ["imgbuild/x:latest", "imgbuild/x:cpu"]
    assert (plain.cuda, cpu.cuda, cu126.cuda) == ("13.0", None, "12.6")
    assert (cpu.base.key, cpu.installer) == ("debian-trixie", Installer(kind="miniforge", version="26.3.2-3"))
    assert cpu.env == {"A": "a", "B": "b"}
    assert cpu.environments == plain.environments
    assert cu126.environments[0].conda == ("python=3.11", "numpy", "polars")
    assert cu126.environments[0].channels == ("a",)
    assert (cpu.summary, cu126.summary) == ("plain", "old")
    assert [test.name for test in cu126.smoke] == ["regression", "v"]
    assert {spec.lineage for spec in (plain, cpu, cu126)} == {("parent",)}
    assert load_image(project, "x@cu126") == cu126


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("x@cu12", "`x` has no variant 'cu12'; did you mean cu126"),
        ("x@", "`x` has no variant ''; there is: cpu, cu126"),
        ("y", "no environment is called 'y'; there is: parent, x"),
        ("paren", "no environment is called 'paren'; did you mean parent?"),
        ("../x", "no environment is called '../x'"),
        ("x\n", "no environment is called 'x"),
        ("", "no environment is called ''"),
        ("/", "no environment is called '/'"),
    ],
)
def test_unknown_refs(make_project: MakeProject, ref: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_image(varied(make_project), ref)
    assert message in str(caught.value)
    assert not isinstance(caught.value, DefinitionError)
    assert "\n" not in str(caught.value)


def test_a_variant_names_what_it_lacks(make_project: MakeProject) -> None:
    project = varied(
        make_project,
        "variants: {v: {environment: environment.no.yml, platforms: [linux/arm64], base: mine}, latest: {}}\n",
    )
    (project.envs / "_bases.yml").write_text(
        'mine: {ref: "h.example/b:1", family: debian, suite: bookworm, glibc: "2.36", platforms: [linux/amd64]}',
        encoding="utf-8",
    )
    assert [str(problem).removeprefix("envs/x/image.yml:1:") for problem in check(project)] == [
        "29: variants.v.environment: `environment.no.yml` is not there; make it in x/, or mend the name",
        "60: variants.v.platforms: the base `mine` has no linux/arm64; use linux/amd64, or another base",
        "88: variants.latest: `latest` is the tag of the image without a variant; choose another name",
    ]


def test_several_environments_in_one_image(make_project: MakeProject) -> None:
    project = make_project(
        {
            "x/environment.yml": "dependencies: [python]",
            "x/environment.train.yml": "name: train\ndependencies: [python, pandas]",
            "x/environment.eval.yml": "dependencies: [python, polars]",
            "x/serve.yml": "channels: [a]\ndependencies: [python, flask]",
            "x/image.yml": "environments: [environment.train.yml, eval, {name: serve, file: serve.yml}]\n"
            "smoke: [{run: s.py, environment: train}]",
            "x/s.py": "",
            "y/image.yml": "extends: x\nenvironments: [train]",
            "y/environment.train.yml": "dependencies: [pandas=2]",
        }
    )
    environments = load_image(project, "x").environments
    assert [(each.name, each.conda[1:], each.channels) for each in environments] == [
        ("x", (), ("conda-forge",)),
        ("train", ("pandas",), ("conda-forge",)),
        ("eval", ("polars",), ("conda-forge",)),
        ("serve", ("flask",), ("a",)),
    ]
    inherited = load_image(project, "y").environments
    assert [each.name for each in inherited] == ["y", "train", "eval", "serve"]
    assert inherited[1].conda == ("python", "pandas=2")
    assert check(project) == []


def test_environment_names_stand_once(make_project: MakeProject) -> None:
    project = make_project(
        {
            "x/environment.yml": "dependencies: [python]",
            "x/environment.a.yml": "dependencies: [python]",
            "x/environment.x.yml": "dependencies: [python]",
            "x/environment.empty.yml": "name: empty",
            "x/image.yml": "environments: [a, environment.a.yml, x, empty]\nsmoke: [{run: s.py, environment: b}]",
            "x/s.py": "",
        }
    )
    assert [str(problem).removeprefix("envs/x/") for problem in check(project)] == [
        "environment.empty.yml:1:1: dependencies: the environment has no packages; name at least `python`",
        "image.yml:1:19: environments[1]: a second environment is called `a`; rename one of them",
        "image.yml:1:38: environments[2]: a second environment is called `x`; rename one of them",
        "image.yml:2:8: smoke: test `s`: no environment is called `b`; known here: x, a, empty",
    ]


def test_defaults_of_a_folder_with_only_an_environment_file(make_project: MakeProject) -> None:
    spec = load_image(make_project({"x/environment.yml": "dependencies: [python]"}), "x")
    assert spec.base.key == "debian-bookworm"
    assert spec.base.ref == "docker.io/library/debian:bookworm-slim"
    assert spec.installer == Installer(kind="miniconda", version="26.5.3-1")
    assert (spec.platforms, spec.smoke, spec.workdir, spec.cmd) == (("linux/amd64",), (), "/work", ("bash",))


def test_installer_none(make_project: MakeProject) -> None:
    files = {"x/environment.yml": "dependencies: [python]", "x/image.yml": "installer: none"}
    assert load_image(make_project(files), "x").installer is None


def test_platforms_stand_once(make_project: MakeProject) -> None:
    files = {
        "x/environment.yml": "dependencies: [python]",
        "x/image.yml": "platforms: [linux/arm64, linux/arm64]",
    }
    assert load_image(make_project(files), "x").platforms == ("linux/arm64",)
