"""Witness files: what goes in comes out, and what was not written by us is refused in one sentence."""

import io
import json
import os
import zipfile
from fractions import Fraction

import numpy as np
import pytest
from flint import fmpq, fmpz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from numerics.arithmetic.exact import Matrix, zeros
from numerics.evidence import InputError, Witness
from numerics.evidence import witness as module

rationals = st.fractions(max_denominator=10**6).map(lambda q: fmpq(q.numerator, q.denominator))


@st.composite
def matrices(draw):
    m, n = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    return Matrix.from_entries(m, n, draw(st.lists(rationals, min_size=m * n, max_size=m * n)))


arrays = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int32, np.uint8, np.bool_, np.dtype(">f8")]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
values = st.recursive(
    st.one_of(matrices(), rationals, st.fractions(), st.integers(), st.booleans(), st.floats(), st.text(), arrays),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=5,
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(max_size=5), values, max_size=3), st.text())
def test_what_is_saved_is_loaded(tmp_path, content, note):
    path = tmp_path / "w.npz"
    kept = Witness("landscape.some_claim", content, note)
    kept.save(path)
    found = Witness.load(path, claim="landscape.some_claim")
    assert found == kept
    assert list(found.values) == list(content)
    assert [type(x) for x in found.values.values()] == [type(x) for x in content.values()]
    assert os.listdir(tmp_path) == ["w.npz"]


def test_types_and_huge_numbers_are_kept(tmp_path):
    huge = 10**5000 + 1
    content = {
        "A": Matrix([["1/3", huge]]),
        "q": fmpq(-1, huge),
        "f": Fraction(1, 3),
        "n": huge,
        "z": fmpz(2),
        "i": np.int16(3),
        "x": np.float32(0.5),
        "b": np.bool_(True),
        "eta": 0.1,
        "dims": (0, [2, True], "ü"),
        "empty": zeros(0, 3),
        "F": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    }
    Witness("c", content).save(tmp_path / "w.npz")
    found = Witness.load(tmp_path / "w.npz").values
    assert found["A"] == content["A"]
    assert found["q"] == content["q"]
    assert type(found["f"]) is Fraction
    assert (found["n"], found["z"], found["i"], found["x"]) == (huge, 2, 3, 0.5)
    assert (found["b"], found["eta"], found["dims"]) == (True, 0.1, (0, [2, True], "ü"))
    assert found["empty"].shape == (0, 3)
    assert found["F"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_equality_is_exact_and_of_everything():
    def witness(**change):
        fields = {"claim": "c", "values": {"x": np.array([0.0])}, "note": ""} | change
        return Witness(**fields)

    assert witness() == witness()
    assert witness() != witness(claim="d")
    assert witness() != witness(note="n")
    assert witness() != witness(values={"x": np.array([-0.0])})
    assert witness() != witness(values={"x": np.array([0.0], dtype=np.float32)})
    assert witness() != witness(values={"x": np.array([[0.0]])})
    assert witness(values={"x": 1}) != witness(values={"x": True})
    assert witness() != "c"


def test_equal_witnesses_give_equal_files_which_numpy_opens(tmp_path):
    for name in ("a", "b"):
        Witness("c", {"A": Matrix([[1]]), "x": np.eye(2)}, "note").save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with np.load(tmp_path / "a", allow_pickle=False) as opened:
        assert opened["array_0"].tolist() == [[1, 0], [0, 1]]
        assert json.loads(opened["json"].tobytes())["claim"] == "c"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (object(), "found object"),
        (None, "found NoneType"),
        (np.array([object()]), "found an array of dtype object"),
        (np.array([1j]), "found an array of dtype complex128"),
        ([{"a": 1}], "found dict"),
    ],
)
def test_a_value_that_cannot_be_kept_is_named_at_once(value, found):
    with pytest.raises(TypeError, match=f"`bad` must be made of matrices.*{found}: convert it first"):
        Witness("c", {"bad": value})


def test_other_misuse_is_named():
    with pytest.raises(ValueError, match="`claim` must be the name of a claim, found ''"):
        Witness("", {})
    with pytest.raises(TypeError, match="`note` and the names in `values` must be texts"):
        Witness("c", {1: 2})  # type: ignore[dict-item]
    deep: list = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(ValueError, match="`x` must be nested at most 32 deep"):
        Witness("c", {"x": deep})


# Files that cannot be written.


def test_a_folder_that_does_not_exist_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match=r"cannot be written \(No such file or directory\): choose a file in a folder"):
        Witness("c", {}).save(tmp_path / "missing" / "w.npz")
    with pytest.raises(InputError, match="cannot be written"):
        Witness("c", {}).save(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_failure_while_writing_keeps_the_old_file_and_leaves_no_other(tmp_path, monkeypatch):
    path = tmp_path / "w.npz"
    old = Witness("c", {"x": 1})
    old.save(path)

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(InputError, match=r"cannot be written \(No space left on device\)"):
        Witness("c", {"x": 2}).save(path)
    assert Witness.load(path) == old
    assert os.listdir(tmp_path) == ["w.npz"]


def test_a_witness_that_is_too_large_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "LARGEST_TOTAL", 1000)
    with pytest.raises(InputError, match="`values` must fit into"):
        Witness("c", {"x": np.zeros(1000)}).save(tmp_path / "w.npz")
    assert os.listdir(tmp_path) == []


# Files that are not ours.


def npy(array, **options):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array), **options)
    return stream.getvalue()


def document(**change):
    return {"format": module.FORMAT, "claim": "c", "note": "", "values": {}} | change


def text(content):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return npy(np.frombuffer(raw, dtype=np.uint8))


def header(text):
    raw = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)
    return path


def of_values(**entries):
    return [("json.npy", text(document(values=entries)))]


GOOD = ("json.npy", text(document()))
ARRAY = ("json.npy", text(document(values={"x": {"array": 0}})))
HOSTILE = {
    "no json": ([("array_0.npy", npy(np.zeros(1)))], "no member `json`"),
    "json of floats": ([("json.npy", npy(np.zeros(3)))], "a member `json` that is not text"),
    "not json": ([("json.npy", text(b"{"))], "a member `json` that is not valid"),
    "not unicode": ([("json.npy", text(b"\xff\xfe\xff"))], "that is not valid"),
    "nested json": ([("json.npy", text(b"[" * 100_000))], "that is not valid"),
    "nan": ([("json.npy", text(b'{"format": NaN}'))], "NaN is not a number of this format"),
    "name twice": ([("json.npy", text(b'{"a": 1, "a": 2}'))], "a name occurs twice"),
    "huge number": ([("json.npy", text(b"9" * 10_000))], "that is not valid"),
    "a list": ([("json.npy", text([1]))], "the format 'None' instead of 'theorems witness 1'"),
    "another version": ([("json.npy", text(document(format="theorems witness 2")))], "the format 'theorems witness 2'"),
    "another entry": ([("json.npy", text(document(more=1)))], "instead of claim, format, note, values"),
    "values a list": ([("json.npy", text(document(values=[])))], "instead of claim, format, note, values"),
    "no claim": ([("json.npy", text(document(claim="")))], "a claim or a note that is not a text"),
    "claim a number": ([("json.npy", text(document(claim=3)))], "a claim or a note that is not a text"),
    "note a number": ([("json.npy", text(document(note=3)))], "a claim or a note that is not a text"),
    "bare number": (of_values(x=3), "the value '3'"),
    "null": (of_values(x=None), "the value 'None'"),
    "two kinds": (of_values(x={"integer": "1", "float": "1"}), "the value"),
    "bad integer": (of_values(x={"integer": "1e3"}), "the value"),
    "foreign digits": (of_values(x={"integer": "\u0663"}), "the value"),
    "bad float": (of_values(x={"float": "zero"}), "the float 'zero'"),
    "float overflow": (of_values(x={"float": "0x1p99999"}), "the float"),
    "bad rational": (of_values(x={"rational": "1/0"}), "the number '1/0'"),
    "bad fraction": (of_values(x={"fraction": "1.5"}), "the number '1.5'"),
    "missing entries": (of_values(x={"matrix": [2, 2], "entries": ["1"]}), "1 entries for a 2x2 matrix"),
    "entries not text": (of_values(x={"matrix": [1, 1], "entries": [1]}), "the number '1'"),
    "negative shape": (of_values(x={"matrix": [-1, -1], "entries": ["1"]}), "a matrix of shape -1 x -1"),
    "huge empty shape": (of_values(x={"matrix": [0, 10**15], "entries": []}), "a matrix of shape 0 x"),
    "huge empty rows": (of_values(x={"matrix": [10**15, 0], "entries": []}), "a matrix of shape 10"),
    "shape of truths": (of_values(x={"matrix": [True, True], "entries": ["1"]}), "a matrix of shape True"),
    "nested values": (of_values(x=json.loads('{"list": [' * 40 + "]}" * 40)), "values nested more than 32 deep"),
    "array missing": (of_values(x={"array": 0}), "the value"),
    "array unused": ([GOOD, ("array_0.npy", npy(np.zeros(1)))], "the member `array_0`, which no value uses"),
    "array used twice": (
        [
            ("json.npy", text(document(values={"x": {"array": 0}, "y": {"array": 0}}))),
            ("array_0.npy", npy(np.zeros(1))),
        ],
        "the value",
    ),
    "not an array": ([GOOD, ("run.py", b"print()")], "the member `run.py`, which is not an array"),
    "pickle": ([ARRAY, ("array_0.npy", npy(np.array([{}]), allow_pickle=True))], "the dtype object"),
    "complex": ([ARRAY, ("array_0.npy", npy(np.array([1j])))], "the dtype complex128"),
    "texts": ([ARRAY, ("array_0.npy", npy(np.array(["a"])))], "the dtype <U1"),
    "no magic": ([ARRAY, ("array_0.npy", b"hello")], "a damaged array in the member `array_0.npy`"),
    "empty member": ([ARRAY, ("array_0.npy", b"")], "a damaged array"),
    "cut array": ([ARRAY, ("array_0.npy", npy(np.zeros(4))[:-1])], r"31 bytes for the shape \(4,\)"),
    "longer array": ([ARRAY, ("array_0.npy", npy(np.zeros(4)) + b"x")], "33 bytes for the shape"),
    "header bomb": (
        [ARRAY, ("array_0.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}"))],
        "0 bytes for the shape",
    ),
    "empty header bomb": (
        [ARRAY, ("array_0.npy", header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': (0, {10**30})}}"))],
        "the shape",
    ),
    "negative header": (
        [ARRAY, ("array_0.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}") + b"0" * 8)],
        "and shape",
    ),
    "many dimensions": (
        [
            ARRAY,
            ("array_0.npy", header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': {(1,) * 70}}}") + b"0" * 8),
        ],
        "the shape",
    ),
    "code in the header": ([ARRAY, ("array_0.npy", header("__import__('os').getcwd()"))], "a damaged array"),
    "header that warns": (
        [ARRAY, ("array_0.npy", header("{'descr': '<f8', 'fortran_order': False, 'shape': (1L,)}") + b"0" * 8)],
        "a damaged array",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_malformed_file_is_refused_in_one_sentence(tmp_path, name):
    members, found = HOSTILE[name]
    path = archive(tmp_path / "w.npz", members)
    with pytest.raises(InputError, match=found) as caught:
        Witness.load(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"`{path}` must be a witness file written by `Witness.save`, found ")
    assert sentence.endswith(": save it again.")
    assert len(sentence) < len(str(path)) + 600


def test_the_smallest_archive_is_read(tmp_path):
    # Otherwise the files above might be refused for another reason than the one that is named.
    assert Witness.load(archive(tmp_path / "w", [GOOD])) == Witness("c", {})
    found = Witness.load(archive(tmp_path / "v", [ARRAY, ("array_0.npy", npy(np.zeros(1)))]))
    assert found == Witness("c", {"x": np.zeros(1)})


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_occurs_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"found the member `json\.npy` 2 times: save it again"):
        Witness.load(archive(tmp_path / "w", [GOOD, GOOD]))


def test_sizes_are_summed_before_anything_is_unpacked(tmp_path, monkeypatch):
    path = archive(tmp_path / "w", [GOOD, ("array_0.npy", bytes(10**6))], zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 5000
    monkeypatch.setattr(module, "LARGEST_TOTAL", 10**5)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked a member that is too large"))
    with pytest.raises(InputError, match=r"bytes declared where at most 100000 are read"):
        Witness.load(path)


def test_a_large_file_many_members_and_rare_compressions_are_refused(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r"an unusual compression of the member `json\.npy`"):
        Witness.load(archive(tmp_path / "w", [GOOD], zipfile.ZIP_LZMA))
    monkeypatch.setattr(module, "_MOST_MEMBERS", 2)
    with pytest.raises(InputError, match="found 3 members where at most 2 are read"):
        Witness.load(archive(tmp_path / "w", [("a", b""), ("b", b""), ("c", b"")]))
    monkeypatch.setattr(module, "LARGEST_TOTAL", 10)
    with pytest.raises(InputError, match="bytes where at most 10 are read"):
        Witness.load(tmp_path / "w")


def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(tmp_path):
    path = archive(tmp_path / "w", [("json.npy", text(document(note="a" * 4000)))], zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    size = len(text(document(note="a" * 4000))).to_bytes(4, "little")
    assert data.count(size) == 2  # the local and the central header
    path.write_bytes(data.replace(size, (1000).to_bytes(4, "little")))
    with pytest.raises(InputError, match="no complete npz archive"):
        Witness.load(path)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_refused_or_still_the_same(tmp_path, data):
    path = tmp_path / "w.npz"
    whole = Witness("c", {"A": Matrix([["1/3", 2]]), "x": np.arange(3.0)}, "note")
    whole.save(path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans(), label="truncate"):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found = Witness.load(path)
    except InputError:
        return
    assert found == whole  # the byte was one that nothing depends on, such as a date


def test_files_that_cannot_be_opened_are_named(tmp_path):
    with pytest.raises(
        InputError, match=r"cannot be read \(No such file or directory\): give the path of a witness file"
    ):
        Witness.load(tmp_path / "missing.npz")
    with pytest.raises(InputError, match="found something that is not a regular file"):
        Witness.load(tmp_path)
    (tmp_path / "w").write_text("hello")
    with pytest.raises(InputError, match="no complete npz archive"):
        Witness.load(str(tmp_path / "w"))
    (tmp_path / "w").write_bytes(b"")
    with pytest.raises(InputError, match="no complete npz archive"):
        Witness.load(tmp_path / "w")


def test_a_witness_of_another_claim_is_refused(tmp_path):
    path = tmp_path / "w.npz"
    Witness("landscape.one", {}).save(path)
    with pytest.raises(InputError) as caught:
        Witness.load(path, claim="landscape.other")
    assert str(caught.value) == (
        f"`{path}` must hold a witness of the claim `landscape.other`, found one of `landscape.one`: "
        "give that claim's name or another file."
    )
