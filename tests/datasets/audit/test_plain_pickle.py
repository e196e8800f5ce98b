"""Pickles are read without running them: plain values come back, everything else is refused."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distortion_heads.datasets.audit import plain_pickle
from distortion_heads.datasets.audit.plain_pickle import read_plain_pickle
from distortion_heads.errors import DataError

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
keys = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=6) | st.lists(inner, max_size=6).map(tuple) | st.dictionaries(keys, inner, max_size=5)
    ),
    max_leaves=25,
)


@given(plain, st.sampled_from(PROTOCOLS))
def test_plain_values_come_back(value: Any, protocol: int) -> None:
    for data in (pickle.dumps(value, protocol), pickletools.optimize(pickle.dumps(value, protocol))):
        found = read_plain_pickle(data)
        assert found == value
        assert repr(found) == repr(value)  # 1, 1.0 and True are equal


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shared_and_recursive_values(protocol: int) -> None:
    names = ["I01_01_01.png"] * 3
    value: list[Any] = [names, names, {"all": names}]
    value.append(value)
    found = read_plain_pickle(pickle.dumps(value, protocol))
    assert isinstance(found, list)
    assert found[0] is found[1] is found[2]["all"]
    assert found[3] is found


def test_list_of_python_2() -> None:
    written_by_python_2 = b"(lp0\nS'images/I01_01_01.png'\np1\naS'I01_01_02.png'\np2\na."
    assert read_plain_pickle(written_by_python_2) == ["images/I01_01_01.png", "I01_01_02.png"]


def refusal(data: bytes) -> str | None:
    """Return what the reader says against `data`, or None if it reads it; any other exception fails the test."""
    try:
        read_plain_pickle(data)
    except DataError as error:
        return str(error)
    return None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert "\n" not in (refusal(data) or "")


@given(plain, st.sampled_from(PROTOCOLS), st.data())
def test_damaged_pickles_are_read_or_refused(value: Any, protocol: int, data: st.DataObject) -> None:
    pickled = bytearray(pickle.dumps(value, protocol))
    for _ in range(data.draw(st.integers(1, 4))):
        pickled[data.draw(st.integers(0, len(pickled) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(pickled)))
    assert "\n" not in (refusal(bytes(pickled)) or "")
    assert "\n" not in (refusal(bytes(pickled[:cut])) or "")


def test_an_unknown_escape_in_a_text_of_protocol_0_stays_as_it_is() -> None:
    assert read_plain_pickle(rb"S'a\qb'" + b"\n.") == r"a\qb"


class Evil:
    """Unpickling it makes a folder."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: [evil], lambda evil: {"train": ["a.png", evil]}])
def test_code_in_a_pickle_never_runs(protocol: int, wrap: Any, tmp_path: Path) -> None:
    trap = tmp_path / "ran"
    data = pickle.dumps(wrap(Evil(str(trap))), protocol)
    with pytest.raises(DataError, match=r"more than lists of names \((STACK_)?GLOBAL"):
        read_plain_pickle(data)
    assert not trap.exists()
    pickle.loads(data)
    assert trap.exists()  # so the pickle was dangerous indeed


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"\x80\x02cbuiltins\nobject\n)\x81}b.",
        b"\x80\x02]\x82\x01.",
        b"\x80\x02]\x83\x01\x00.",
        b"Pid\n.",
        b"(lS'id'\nQ.",
        b"\x80\x05\x97.",
        b"\x80\x05]\x98.",
        b"\x80\x04\x8f.",
    ],
    ids=["reduce", "inst", "obj", "eval", "stack_global", "newobj_build", "ext1", "ext2", "persid", "binpersid",
         "next_buffer", "readonly_buffer", "set"],
)  # fmt: skip
def test_opcodes_that_build_objects_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="more than lists of names"):
        read_plain_pickle(data)


@pytest.mark.parametrize(
    "value", [{"a"}, OrderedDict(a=1), np.array(["a"]), [np.str_("a")], Path("a"), 1j, bytearray(b"a")]
)
def test_values_of_other_types_are_refused(value: Any) -> None:
    with pytest.raises(DataError, match="save it as CSV or JSON"):
        read_plain_pickle(pickle.dumps(value))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b".",
        b"(.",
        b"N",
        b"NN.",
        b"a.",
        b"]N",
        b"s.",
        b"h\x05.",
        b"(Nd.",
        b"0.",
        b"2.",
        b"\x85.",
        b"N(a.",
        b"I1x\n.",
    ],
)
def test_broken_stacks(data: bytes) -> None:
    with pytest.raises(DataError, match="damaged pickle"):
        read_plain_pickle(data)


def test_deep_keys_do_not_overflow_the_stack() -> None:
    """The hash of a tuple in a tuple in a tuple ... ends the process, so only scalars are keys."""
    deep = b"}" + b")" + b"\x85" * 200_000 + b"Ns."
    with pytest.raises(DataError, match="tuple as a key"):
        read_plain_pickle(deep)


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(list(range(100)))
    monkeypatch.setattr(plain_pickle, "MAX_OPCODES", 50)
    with pytest.raises(DataError, match="more than 50 opcodes"):
        read_plain_pickle(data)
    monkeypatch.setattr(plain_pickle, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger"):
        read_plain_pickle(data)


def test_the_memo_makes_no_room_for_numbers_that_no_file_needs() -> None:
    """The standard unpickler would ask for 16 GB here."""
    for put in (b"r\xff\xff\xff\x3f", b"p1073741823\n"):
        with pytest.raises(DataError, match="damaged pickle: a number of 1073741823 in the memo"):
            read_plain_pickle(b"N" + put + b".")


def test_deep_lists_are_read_and_let_go() -> None:
    deep: Any = read_plain_pickle(b"]" * 200_000 + b"a" * 199_999 + b".")
    assert isinstance(deep, list)
    del deep


@pytest.mark.parametrize(
    "data",
    [
        b"cos\nsystem\n.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"cbuiltins\nlist\n.",
        b"Pid\n.",
        b"S'id'\nQ.",
    ],
)
def test_the_unpickler_refuses_on_its_own(data: bytes) -> None:
    """So that a pickle which the check ahead reads otherwise than the unpickler reaches nothing."""
    with pytest.raises(DataError, match="more than lists of names"):
        plain_pickle.PlainUnpickler(io.BytesIO(data)).load()


HARMFUL = "GLOBAL STACK_GLOBAL INST OBJ REDUCE BUILD NEWOBJ NEWOBJ_EX EXT1 EXT2 EXT4 PERSID BINPERSID"


def test_no_opcode_that_is_read_builds_an_object() -> None:
    harmless = {opcode.name for opcode in pickletools.opcodes}.difference(HARMFUL.split())
    assert harmless > plain_pickle._PLAIN
