"""The files as they are written: image.yml, environment.yml and _bases.yml, one model each.

The JSON schema is made from these types. A key that is not written is not in `model_fields_set`, which is how
merging tells silence from a default.
"""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, RootModel, Tag

from builder.spec.licences import LicenceName
from builder.spec.model import Check, PackageKind, Platform
from builder.spec.patterns import (
    AbsPath,
    AptName,
    BaseKey,
    Channel,
    CondaSpec,
    CudaVersion,
    DriverVersion,
    EnvironmentName,
    EnvVar,
    GlibcVersion,
    GpuName,
    ImageName,
    ImageRef,
    InstallerName,
    LabelKey,
    PackageName,
    PipLine,
    Reason,
    RelPath,
    Size,
    Suite,
    Text,
    UserName,
    VariantName,
    YamlFile,
)
from builder.values import Value


class FileModel(Value):
    """What all models of written files share: YAML already gave the right types, so nothing is converted."""

    model_config = ConfigDict(strict=True, defer_build=True)  # only what is read costs start-up time


def _shape(value: Any) -> str:
    return "(mapping)" if isinstance(value, dict | FileModel) else "(word)"


class CopyEntry(FileModel):
    """Your own code: `from` below the folder, `to` absolute in the image."""

    source: RelPath = Field(alias="from")
    to: AbsPath


class SnippetPaths(FileModel):
    """Pieces of Dockerfile of your own, as files below the folder."""

    after_os: RelPath = ""
    after_environments: RelPath = ""
    end: RelPath = ""


class TargetEntry(FileModel):
    """The hardware the image is meant for."""

    gpus: list[GpuName] = []
    driver: DriverVersion = ""


class UserEntry(FileModel):
    """The account the image runs as. Its group is 0, so that any other UID works as well."""

    name: UserName = "app"
    uid: Annotated[int, Field(ge=1000, le=59999)] = 1000


class BudgetEntry(FileModel):
    """What the image may not pass."""

    size: Size


class AllowEntry(FileModel):
    """A finding that is meant. package: as the finding names it; reason: for whoever reads it next year."""

    check: Check
    package: PackageName
    reason: Reason


class LicencesEntry(FileModel):
    """Licences that packages may have, and may not have, as SPDX names them; `GPL-*` stands for a family."""

    allow: list[LicenceName] = []
    deny: list[LicenceName] = []
    kinds: list[PackageKind] = Field([], min_length=1)


class SmokeScript(FileModel):
    """A test of your own: a Python script below the folder. timeout is in seconds."""

    run: RelPath
    name: EnvironmentName = ""
    timeout: Annotated[int, Field(ge=1, le=86400)] = 300
    needs: Literal["gpu", ""] = ""
    environment: EnvironmentName = ""


class NamedFile(FileModel):
    """A further environment, and the file that says what is in it."""

    name: EnvironmentName
    file: YamlFile


SmokeEntry = Annotated[
    Annotated[EnvironmentName, Tag("(word)")] | Annotated[SmokeScript, Tag("(mapping)")],
    Discriminator(_shape),
]
EnvironmentEntry = Annotated[
    Annotated[EnvironmentName, Tag("(word)")] | Annotated[NamedFile, Tag("(mapping)")], Discriminator(_shape)
]


class Settings(FileModel):
    """What image.yml and each of its variants can say."""

    summary: Text = Field("", description="One line for people.")
    base: BaseKey = Field("", description="A key of envs/_bases.yml; default debian-bookworm.")
    installer: InstallerName = Field("", description="`miniconda=VERSION`, `miniforge=VERSION` or `none`.")
    platforms: list[Platform] = Field([], min_length=1, description="Default: linux/amd64.")
    environments: list[EnvironmentEntry] = Field(
        [], description="Further environments baked into the same image: file names, or name and file."
    )
    apt: list[AptName] = Field([], description="Packages of the base's own system.")
    files: list[CopyEntry] = Field([], description="Your own code, copied last.")
    snippets: SnippetPaths = Field(SnippetPaths(), description="Pieces of Dockerfile of your own.")
    cuda: CudaVersion = Field(
        "", description='The CUDA line, in quotes: "13.0"; `none` takes back a parent\'s.'
    )
    targets: TargetEntry = Field(TargetEntry(), description="GPUs and the lowest host driver.")
    env: dict[EnvVar, Text] = Field({}, description="Variables of the image.")
    workdir: AbsPath = Field("/work", description="Where commands start.")
    entrypoint: list[Text] = Field([], description="Default: a small one that activates and ends in exec.")
    cmd: list[Text] = Field(["bash"], description="What runs when nothing else is asked for.")
    labels: dict[LabelKey, Text] = Field({}, description="Labels of the image.")
    budget: BudgetEntry = Field(BudgetEntry(size="0MB"), description="The size that the image may not pass.")
    smoke: list[SmokeEntry] = Field([], description="Tests that prove the image: built-in ones and your own.")
    allow: list[AllowEntry] = Field([], description="Findings that are meant, each with its reason.")
    licences: LicencesEntry = Field(LicencesEntry(), description="Licences that packages may have.")


class VariantFile(Settings):
    """One variant: what differs, and the environment file that takes environment.yml's place."""

    environment: YamlFile = ""


class ImageFile(Settings):
    """image.yml: what the image is. Every key is optional."""

    extends: ImageName = Field("", description="The environment whose definition this one adds to.")
    accept_anaconda_terms: bool = Field(
        False, description="Whether you accept the terms that govern `defaults` and `pkgs/*`."
    )
    user: UserEntry = Field(UserEntry(), description="The account the image runs as.")
    variants: dict[VariantName, VariantFile] = Field(
        {}, description="Other builds of this image: ENV@VARIANT."
    )


class PipSection(FileModel):
    """The one mapping among the dependencies."""

    pip: list[PipLine] = []


Dependency = Annotated[
    Annotated[CondaSpec, Tag("(word)")] | Annotated[PipSection, Tag("(mapping)")], Discriminator(_shape)
]


class EnvironmentFile(FileModel):
    """environment.yml (CEP 24): other people's format, so keys that are not known are left alone."""

    model_config = ConfigDict(extra="ignore")

    name: Text = ""
    channels: list[Channel] = []
    dependencies: list[Dependency] = []
    variables: dict[EnvVar, Text] = {}
    prefix: Any = None
    platforms: Any = None
    category: Any = None


class BaseRow(FileModel):
    """A row of _bases.yml."""

    ref: ImageRef
    family: Literal["debian", "ubuntu"]
    suite: Suite
    glibc: GlibcVersion
    platforms: list[Platform] = Field(min_length=1)


class BasesFile(RootModel[dict[BaseKey, BaseRow]]):
    """_bases.yml: the base images that image.yml can name."""
