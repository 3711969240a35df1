"""image.yml: every field against hostile values, and the problems as they are printed."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
import yaml

from builder.errors import DefinitionError
from builder.spec.document import Document, parse_text
from builder.spec.files import ImageFile
from builder.spec.load import check, load_image
from builder.spec.translate import read_model
from tests.unit.spec.conftest import MakeProject

ENVIRONMENT = "name: x\nchannels: [conda-forge]\ndependencies: [python]\n"
HOSTILE = [
    "a\nb",
    "a\x00b",
    'a"b',
    "a'b",
    "$(x)",
    "`x`",
    "{{ x }}",
    "../x",
    "a/../../x",
    "a b",
    "a;b",
    "-x",
    "",
    "a\\b",
]

TIGHT = {
    "extends": "extends: {}",
    "base": "base: {}",
    "installer": "installer: {}",
    "platform": "platforms: [{}]",
    "environment entry": "environments: [{}]",
    "environment name": "environments: [{{name: {}, file: a.yml}}]",
    "environment file": "environments: [{{name: a, file: {}}}]",
    "apt": "apt: [{}]",
    "from": "files: [{{from: {}, to: /x}}]",
    "to": "files: [{{from: app, to: {}}}]",
    "snippet": "snippets: {{after_os: {}}}",
    "cuda": "cuda: {}",
    "gpu": "targets: {{gpus: [{}]}}",
    "driver": "targets: {{driver: {}}}",
    "variant": "variants: {{{}: {{}}}}",
    "variant environment": "variants: {{v: {{environment: {}}}}}",
    "env name": "env: {{{}: x}}",
    "user": "user: {{name: {}}}",
    "workdir": "workdir: {}",
    "label": "labels: {{{}: x}}",
    "budget": "budget: {{size: {}}}",
    "smoke": "smoke: [{}]",
    "smoke run": "smoke: [{{run: {}}}]",
    "smoke name": "smoke: [{{run: a.py, name: {}}}]",
    "smoke needs": "smoke: [{{run: a.py, needs: {}}}]",
    "smoke environment": "smoke: [{{run: a.py, environment: {}}}]",
    "allow check": "allow: [{{check: {}, package: torch, reason: r}}]",
    "allow package": "allow: [{{check: cpu-build, package: {}, reason: r}}]",
    "licence": "licences: {{allow: [{}]}}",
}


def problems_of(text: str) -> list[str]:
    document = Document("image.yml")
    parse_text(text, document)
    _, problems = read_model(document, ImageFile)
    return [str(problem) for problem in sorted([*document.problems, *problems])]


@pytest.mark.parametrize(
    ("field", "value"),
    [pair for pair in itertools.product(TIGHT, HOSTILE) if pair != ("smoke needs", "")],  # "" is its default
)
def test_hostile_values_are_refused_at_their_place(field: str, value: str) -> None:
    found = problems_of(TIGHT[field].format(json.dumps(value)))
    assert found
    assert all(line.startswith("image.yml:1:") and ";" in line for line in found)
    assert not any(ord(char) < 32 for line in found for char in line)


@pytest.mark.parametrize(
    "value", ["a", "../x", "'; rm -rf /", "$(x)", "{{ x }}", 'say "hi"', "ä → b", "%s\\n", ""]
)
@pytest.mark.parametrize(
    "field", ["env: {{A: {}}}", "labels: {{a: {}}}", "cmd: [{}]", "entrypoint: [{}]", "summary: {}"]
)
def test_free_text_may_hold_anything_printable(field: str, value: str) -> None:
    assert problems_of(field.format(json.dumps(value, ensure_ascii=False))) == []


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a\x1b[0m", "a\tb", "a\x7f", "a\u2028b", "a\u202eb"])
@pytest.mark.parametrize(
    "field", ["env: {{A: {}}}", "labels: {{a: {}}}", "cmd: [{}]", "entrypoint: [{}]", "summary: {}"]
)
def test_free_text_holds_no_control_characters(field: str, value: str) -> None:
    (found,) = problems_of(field.format(json.dumps(value)))
    assert "holds a line break" in found or "holds the control character U+" in found


@pytest.mark.parametrize("wrong", ["3.10", "7", "true", "no", "[a, [b]]", "{a: {b: c}}", "2026-01-01", "~"])
@pytest.mark.parametrize("key", [*ImageFile.model_fields])
def test_wrong_types_are_problems(key: str, wrong: str) -> None:
    found = problems_of(f"{key}: {wrong}")
    if (key, wrong) == ("accept_anaconda_terms", "true"):
        assert found == []
        return
    assert found
    assert all(line.startswith("image.yml:1:") for line in found)


EVERYTHING = """\
sumary: typo
extends: Regression
base: no
cuda: 13.0
platforms: linux/amd64
apt: [gcc, 3.10, "a\\nb"]
env: {A B: x, PATH: q, N: 1}
user: {uid: 0, name: root}
smoke:
  - {run: ../x.py, timeut: 3}
  - {timeout: 5:00}
variants:
  cu126: {cuda: "12.x", foo: 1}
  Bad Name: {}
accept_anaconda_terms: yes
targets:
files: [{from: /etc, to: x}]
labels: {io.imgbuild.plan: x}
workdir: /mnt/x
platforms: [linux/amd64]
installer: conda=1
budget: {size: 9}
"""

PRINTED = """\
image.yml:1:1: sumary: unknown key; did you mean `summary`?
image.yml:2:10: extends: `Regression` cannot name an image; use lower-case letters and digits, with single `-`, `_` or \
`.` between them
image.yml:3:7: base: `no` is read as a boolean; put it in quotes: "no"
image.yml:4:7: cuda: `13.0` is read as a number; put it in quotes: "13.0"
image.yml:5:12: platforms: is text, not a list; write it as `[linux/amd64]`
image.yml:6:12: apt[1]: `3.10` is read as a number; put it in quotes: "3.10"
image.yml:6:18: apt[2]: holds a line break; write it in one line (`>-` folds lines)
image.yml:7:7: env.A B: `A B` cannot name a variable; use letters, digits and `_`
image.yml:7:15: env.PATH: `PATH` is set by the image itself; remove it
image.yml:7:27: env.N: `1` is read as a number; put it in quotes: "1"
image.yml:8:13: user.uid: is too small; write 1000 or more
image.yml:8:22: user.name: `root` is an account of the system; choose another name, such as `app`
image.yml:10:11: smoke[0].run: `../x.py` is not a plain path below the folder; name a file below the folder, without \
`..`
image.yml:10:20: smoke[0].timeut: unknown key; did you mean `timeout`?
image.yml:11:5: smoke[1].run: is missing; add `run:`
image.yml:11:15: smoke[1].timeout: is a number, not a whole number; write a number
image.yml:13:17: variants.cu126.cuda: `12.x` is not a CUDA line; write it as "13.0", or none
image.yml:13:25: variants.cu126.foo: unknown key; known here: allow, apt, base, budget, cmd, cuda, entrypoint, \
env, environment, environments, files, installer, labels, licences, platforms, smoke, snippets, summary, targets, \
workdir
image.yml:14:3: variants.Bad Name: `Bad Name` cannot name a variant; use lower-case letters and digits, with single \
`-`, `_` or `.` between them
image.yml:15:24: accept_anaconda_terms: `yes` is a boolean only to some YAML readers; write true or false
image.yml:16:9: targets: is empty; give it keys and values, or remove the key
image.yml:17:16: files[0].from: `/etc` is not a plain path below the folder; use letters, digits, `._+@-` and `/`, \
without `..`
image.yml:17:26: files[0].to: `x` is not a plain absolute path; use letters, digits, `._+@-` and `/`
image.yml:18:10: labels.io.imgbuild.plan: `io.imgbuild.plan` is set by imgbuild itself; remove it, or use a name of \
your own
image.yml:19:10: workdir: `/mnt/x` lies where the system or the build mounts things; choose another directory
image.yml:20:1: platforms: stands here twice, first in line 5; keep one of them
image.yml:21:12: installer: `conda=1` is not an installer; write `miniconda=VERSION`, `miniforge=VERSION` or `none`
image.yml:22:16: budget.size: `9` is read as a number; put it in quotes: "9"
"""


def test_all_problems_at_once_as_printed() -> None:
    assert "\n".join(problems_of(EVERYTHING)) + "\n" == PRINTED


LOOKED_UP = """\
base: debian-bokworm
installer: miniconda=26.5.3-2
apt: [gcc, bash, gcc]
files: [{from: nothing, to: /app}, {from: link, to: /b}, {from: deep, to: /c}]
snippets: {end: app}
smoke: [regresion, {run: app}, {run: no.py}, {run: s.txt}, {run: regression.py}]
environments: [environment.other.yml, x, {name: base, file: b.yml}]
"""

LOOKED_UP_PRINTED = """\
envs/x/image.yml:1:7: base: no base is called `debian-bokworm`; did you mean `debian-bookworm`?
envs/x/image.yml:2:12: installer: no miniconda installer 26.5.3-2 is known; did you mean `miniconda=26.5.3-1` or \
`miniconda=26.3.2-2` or `miniconda=26.1.1-1`?
envs/x/image.yml:3:18: apt[2]: `gcc` stands there twice; keep one of them
envs/x/image.yml:4:16: files[0].from: `nothing` is not there; make it in x/, or mend the name
envs/x/image.yml:4:43: files[1].from: `link` leads out of the folder; copy the file into the folder
envs/x/image.yml:4:65: files[2].from: `deep/out` leads out of the folder; copy the file into the folder
envs/x/image.yml:5:17: snippets.end: `app` is not a file; name a file
envs/x/image.yml:6:9: smoke[0]: no built-in test is called `regresion`; did you mean `regression`?; a script of yours \
is `run: FILE`
envs/x/image.yml:6:26: smoke[1].run: `app` is not a file; name a file
envs/x/image.yml:6:38: smoke[2].run: `no.py` is not there; make it in x/, or mend the name
envs/x/image.yml:6:52: smoke[3].run: `s.txt` is not a Python script; name a `.py` file
envs/x/image.yml:6:60: smoke[4]: `regression` is the name of a built-in test; give this one another `name:`
envs/x/image.yml:7:49: environments[2].name: `base` is the name of conda's own environment; choose another name
"""


def test_what_is_named_must_be_there(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(
        {
            "x/environment.yml": ENVIRONMENT,
            "x/image.yml": LOOKED_UP,
            "x/app/main.py": "",
            "x/s.txt": "",
            "x/regression.py": "",
            "x/deep/in.txt": "",
        }
    )
    (tmp_path / "outside").mkdir()
    (project.envs / "x/link").symlink_to(tmp_path / "outside")
    (project.envs / "x/deep/out").symlink_to(tmp_path / "outside")
    with pytest.raises(DefinitionError) as caught:
        load_image(project, "x")
    assert str(caught.value) + "\n" == LOOKED_UP_PRINTED


@pytest.mark.parametrize("name", ["environment.yml", "image.yml"])
def test_definition_files_may_not_be_links_out(make_project: MakeProject, tmp_path: Path, name: str) -> None:
    project = make_project({"x/environment.yml": ENVIRONMENT, "x/image.yml": ""})
    (tmp_path / name).write_text(ENVIRONMENT if name == "environment.yml" else "", encoding="utf-8")
    (project.envs / "x" / name).unlink()
    (project.envs / "x" / name).symlink_to(tmp_path / name)
    with pytest.raises(DefinitionError, match=f"envs/x: `{name}` leads out of the folder; copy the file"):
        load_image(project, "x")


def test_a_loop_of_links_is_a_problem(make_project: MakeProject) -> None:
    project = make_project({"x/environment.yml": ENVIRONMENT, "x/image.yml": "files: [{from: a, to: /a}]"})
    (project.envs / "x/a").symlink_to("b")
    (project.envs / "x/b").symlink_to("a")
    assert [str(problem) for problem in check(project)] == [
        "envs/x/image.yml:1:16: files[0].from: `a` cannot be read; make it readable, and not a loop of links"
    ]


@pytest.mark.parametrize("folder", ["Upper", "a b", "a$(x)", "base", "ä", "x" * 65, "a--b", "quo'te"])
def test_hostile_folder_names(make_project: MakeProject, folder: str) -> None:
    project = make_project({f"{folder}/environment.yml": ENVIRONMENT.replace("x", folder, 1)})
    with pytest.raises(DefinitionError, match="the folder's name"):
        load_image(project, folder)


def test_a_folder_that_leads_out_is_refused(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project({"x/environment.yml": ENVIRONMENT})
    (tmp_path / "elsewhere").mkdir()
    (project.envs / "x/environment.yml").rename(tmp_path / "elsewhere/environment.yml")
    (project.envs / "x").rmdir()
    (project.envs / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DefinitionError, match="envs/x: the folder leads out of envs/"):
        load_image(project, "x")


ACCEPTED = """\
summary: LoRA fine-tuning on NVIDIA GPUs, CUDA 13
extends: regression
base: debian-bookworm
installer: miniconda=26.5.3-1
accept_anaconda_terms: false
platforms: [linux/amd64, linux/arm64]
environments: []
apt: [gcc, libc6-dev]
files: [{from: app, to: /app}]
snippets: {after_os: parts/x.Dockerfile}
cuda: "13.0"
targets: {gpus: [t4, a100, l40s, h100, b200], driver: "580"}
variants:
  cu126: {environment: environment.cu126.yml, cuda: "12.6", targets: {gpus: [p100, v100, t4], driver: "525.60.13"}}
env: {HF_HOME: /cache/huggingface}
user: {name: app, uid: 1000}
workdir: /work
entrypoint: []
cmd: [bash]
labels: {org.opencontainers.image.licenses: Apache-2.0}
budget: {size: 9GB}
smoke:
  - regression
  - cuda
  - run: smoke/lora.py
    timeout: 300
    needs: gpu
allow:
  - {check: cpu-build, package: xgboost, reason: trained on the CPU on purpose}
"""


@pytest.mark.parametrize(
    ("entry", "printed"),
    [
        ("{check: cpu-build, package: torch}", "allow[0].reason: is missing; add `reason:`"),
        (
            '{check: cpu-build, package: torch, reason: ""}',
            "allow[0].reason: `` is no reason; say in a few words why it is meant",
        ),
        (
            '{check: cpu-build, package: torch, reason: "  "}',
            "allow[0].reason: `  ` is no reason; say in a few words why it is meant",
        ),
        (
            "{check: cpu-builds, package: torch, reason: r}",
            "allow[0].check: `cpu-builds` is not known here; did you mean `cpu-build`?",
        ),
        (
            "{check: cpu-build, package: torch==2, reason: r}",
            (
                "allow[0].package: `torch==2` is not a package's name; name the package alone in lower case, "
                "as the finding does"
            ),
        ),
        (
            "{check: cpu-build, packge: torch, reason: r}",
            "allow[0].package: is missing; add `package:`",
        ),
        ("cpu-build", "allow[0]: is text, not keys and values; write `key: value` lines below it"),
    ],
)
def test_what_may_be_allowed(entry: str, printed: str) -> None:
    assert printed in [line.split(" ", 1)[1] for line in problems_of(f"allow: [{entry}]")]


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("mit", "`mit` is spelled otherwise by SPDX; write `MIT`"),
        ("GPL-3.0", "`GPL-3.0` is spelled otherwise by SPDX; write `GPL-3.0-only` or `GPL-3.0-or-later`"),
        ("GPL-2.0+", "`GPL-2.0+` is spelled otherwise by SPDX; write `GPL-2.0-or-later`"),
        ("GLP-*", "`GLP-*` is the beginning of no licence that SPDX lists; write a family as `GPL-*`"),
        (
            "BSD",
            "`BSD` is no licence of SPDX's list; take its name from https://spdx.org/licenses/, one in each line",
        ),
        (
            "MIT OR ISC",
            (
                "`MIT OR ISC` is no licence's name; write it as `MIT`, `GPL-*`, or "
                "`GPL-2.0-only WITH Classpath-exception-2.0`"
            ),
        ),
    ],
)
def test_a_slip_in_a_licence_s_name_is_told(name: str, printed: str) -> None:
    (told,) = problems_of(f'licences: {{deny: ["{name}"]}}')
    assert told.split(" ", 1)[1] == f"licences.deny[0]: {printed}"


def test_names_of_licences_that_can_be_listed() -> None:
    names = '[MIT, GPL-2.0-only WITH Classpath-exception-2.0, LicenseRef-own, LicenseRef-*, "BSD-*", "CC-BY-NC-*"]'
    assert problems_of(f"licences: {{allow: {names}, kinds: [conda, pypi]}}") == []


def test_every_key_of_the_design_is_read_and_round_trips() -> None:
    document = Document("image.yml")
    parse_text(ACCEPTED, document)
    image, problems = read_model(document, ImageFile)
    assert [*document.problems, *problems] == []
    again = Document("image.yml")
    parse_text(yaml.safe_dump(image.model_dump(by_alias=True, exclude_unset=True)), again)
    assert read_model(again, ImageFile) == (image, [])
    assert again.problems == []
