"""A whole audit: allowances, order, and what must hold of every inventory."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from builder.audit.facts import FileFacts
from builder.audit.model import Fit
from builder.audit.tables import table
from builder.gpu.tables import gpus
from builder.spec.model import Allowance
from tests.support.inventories import ask, base, elf, read, sound, torch_files

TARGETS = [
    "sm_60",
    "sm_70",
    "sm_75",
    "sm_80",
    "sm_86",
    "sm_89",
    "sm_90",
    "sm_90a",
    "sm_100",
    "sm_100f",
    "sm_120",
]
PTX = ["compute_60", "compute_80", "compute_90", "compute_120"]
NAMES = ["torch/lib/libtorch_cuda_linalg.so", "ext/_C.so", "ext/_C_90a.so", "other/_C.so", "libcudnn.so.9"]
GPUS = ("v100", "t4", "a100", "l40s", "h100", "b200", "rtx5090")
BETTER: tuple[Fit, ...] = ("fails", "partly", "jit", "runs")

targets = st.lists(st.sampled_from(TARGETS), max_size=5, unique=True)
ptx = st.lists(st.sampled_from(PTX), max_size=2, unique=True)
libraries = st.lists(
    st.sampled_from(["libgone.so.1", "libcudart.so.12", "libc10.so"]), max_size=2, unique=True
)


@st.composite
def some_files(draw: st.DrawFn) -> list[FileFacts]:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return [
        elf(
            name,
            f"{name.split('/')[0]} 1.0",
            code=" ".join(draw(targets)),
            ptx=" ".join(draw(ptx)),
            needed=" ".join(draw(libraries)),
        )
        for name in names
    ]


def allowed(check: str, package: str) -> Allowance:
    return Allowance.model_validate({"check": check, "package": package, "reason": "meant"})


def faulty() -> Sequence[FileFacts]:
    return (
        elf("ext/_C.so", "ext 1.0", code="sm_90", needed="libgone.so.1"),
        elf("other/_C.so", "other 1.0", code="sm_90"),
    )


def test_an_allowance_takes_back_its_finding_and_no_other() -> None:
    before = ask(sound(*faulty()), "t4")
    assert {(one.check, one.package) for one in before.findings} == {
        ("no-kernel", "ext"),
        ("missing-library", "ext"),
        ("no-kernel", "other"),
    }
    after = ask(sound(*faulty()), "t4", allow=(allowed("no-kernel", "ext"),))
    ((finding, reason),) = after.allowed
    assert (finding.check, finding.package, reason.reason) == ("no-kernel", "ext", "meant")
    assert {*after.findings, finding} == set(before.findings)
    assert not after.passed


def test_with_all_allowed_it_passes() -> None:
    everything = [("no-kernel", "ext"), ("missing-library", "ext"), ("no-kernel", "other")]
    audit = ask(sound(*faulty()), "t4", allow=tuple(allowed(*one) for one in everything))
    assert audit.passed
    assert audit.findings == ()
    assert audit.unneeded == ()


def test_an_allowance_that_nothing_needs_is_told_and_those_of_other_checks_are_not() -> None:
    unneeded, other = allowed("torch-abi", "ext"), allowed("two-majors", "torch")
    assert ask(sound(), "t4", allow=(unneeded, other)).unneeded == (unneeded,)


def test_faults_come_first() -> None:
    files = (
        elf("torch/lib/libtorch_cuda_linalg.so", "torch 2.15.0", code="sm_80"),
        elf("ext/_C.so", "ext 1.0", code="sm_90"),
        elf(
            "nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3",
            "nvidia-nvshmem-cu13 3.7.2",
            needed="libmpi.so.40",
        ),
    )
    assert [one.weight for one in ask(sound(*files), "t4").findings] == ["fault", "warning", "note"]


def test_the_weight_counts_more_than_the_kind() -> None:
    files = (
        elf("torch/lib/libtorch_cuda_linalg.so", "torch 2.15.0", code="sm_80"),
        elf("ext/_C.so", "ext 1.0", unresolved=("THPVariableClass",), unresolved_count=1),
    )
    assert [one.check for one in ask(sound(*files), "t4").findings] == ["torch-abi", "no-kernel"]


def test_a_note_needs_no_allowance() -> None:
    bootstrap = elf(
        "nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3", "nvidia-nvshmem-cu13 3.7.2", needed="libmpi.so.40"
    )
    allowance = allowed("missing-library", "nvidia-nvshmem-cu13")
    audit = ask(sound(bootstrap), allow=(allowance,))
    assert [one.weight for one in audit.findings] == ["note"]
    assert audit.unneeded == (allowance,)


def test_what_could_not_be_read_is_kept() -> None:
    audit = ask(read(*base(), *torch_files(), unread={"/opt/x.so": "it is cut short"}))
    assert audit.unread == {"/opt/x.so": "it is cut short"}


def test_an_empty_inventory() -> None:
    audit = ask(read(torch=None), "t4")
    assert (audit.passed, audit.rows, audit.cuda, audit.torch) == (True, (), None, "")


@given(files=some_files(), seed=st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(files: list[FileFacts], seed: object) -> None:
    everything = [*base(), *torch_files(), *files]
    shuffled = list(everything)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ask(read(*everything), *GPUS) == ask(read(*shuffled), *GPUS)


@given(files=some_files(), more=st.sampled_from([*TARGETS, *PTX]), number=st.integers(min_value=0))
def test_one_more_target_in_a_wide_file_makes_no_fit_worse(
    files: list[FileFacts], more: str, number: int
) -> None:
    place = number % len(files)
    kind = "ptx" if more.startswith("compute") else "code"
    one = files[place]
    if not any(text[-1].isdigit() for text in (*one.code, *one.ptx)):
        return  # a file of nothing, or for single GPUs only, may be told apart by what is added
    grown = one.model_copy(update={kind: (*getattr(one, kind), more)})
    before = ask(sound(*files), *GPUS)
    after = ask(sound(*files[:place], grown, *files[place + 1 :]), *GPUS)
    fits = {row.file: row.fits for row in after.rows}
    for row in before.rows:
        for gpu in GPUS:
            assert BETTER.index(fits[row.file][gpu]) >= BETTER.index(row.fits[gpu])


@given(files=some_files())
def test_each_gpu_is_judged_alone(files: list[FileFacts]) -> None:
    together = {row.file: row.fits for row in ask(sound(*files), *GPUS).rows}
    for gpu in GPUS:
        assert {row.file: row.fits[gpu] for row in ask(sound(*files), gpu).rows} == {
            file: fits[gpu] for file, fits in together.items()
        }


@given(files=some_files(), data=st.data())
def test_an_allowance_takes_back_exactly_what_it_names(files: list[FileFacts], data: st.DataObject) -> None:
    before = ask(sound(*files), *GPUS)
    told = [one for one in before.findings if one.weight != "note"]
    if not told:
        return
    one = data.draw(st.sampled_from(told))
    after = ask(sound(*files), *GPUS, allow=(allowed(one.check, one.package),))
    taken = [finding for finding in before.findings if finding not in after.findings]
    assert {(finding.check, finding.package) for finding in taken} == {(one.check, one.package)}
    assert [finding for finding, _ in after.allowed] == taken


def test_every_row_of_the_table_has_its_source() -> None:
    rows = table()
    for row in (*rows.optional_parts, *rows.host_files, *rows.optional_links, *rows.variants):
        assert row.source.strip()
    assert all(number.isdigit() for one in rows.cuda_libraries.values() for number in one.majors or {})


def test_a_fit_is_said_for_every_declared_gpu_of_the_table() -> None:
    everyone = tuple(gpus())
    for row in ask(sound(), *everyone).rows:
        assert tuple(row.fits) == everyone
