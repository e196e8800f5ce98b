"""Read plain data from a pickle without running anything in it."""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any, NoReturn, TypeAlias
from warnings import catch_warnings

from distortion_heads.errors import DataError
from distortion_heads.io.time_limit import TimeLimit

Plain: TypeAlias = "bool | int | float | str | bytes | list[Any] | tuple[Any, ...] | dict[Any, Any] | None"

MAX_BYTES = 64 << 20
MAX_OPCODES = 5_000_000
"""Also the largest number in the memo, for which the unpickler makes room at once."""

_STORING = ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE")
_FETCHING = ("GET", "BINGET", "LONG_BINGET")
_TO_MARK = ("POP_MARK", "LIST", "TUPLE", "DICT", "APPENDS", "SETITEMS")
_TAKEN = {"STOP": 1, "POP": 1, "APPEND": 1, "SETITEM": 2, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
"""How many values an opcode takes from the stack; those of `_TO_MARK` take all that lie above the last mark."""

_VALUES = (
    "LIST TUPLE DICT TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST EMPTY_TUPLE EMPTY_DICT NONE NEWTRUE NEWFALSE "
    "INT LONG BININT BININT1 BININT2 LONG1 LONG4 FLOAT BINFLOAT BINBYTES SHORT_BINBYTES BINBYTES8 "
    "STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8"
)
_GIVING = frozenset(_VALUES.split())
"""Opcodes that put one value on the stack."""

_PLAIN = _GIVING.union(_STORING, _FETCHING, _TO_MARK, _TAKEN, ("MARK", "DUP", "PROTO", "FRAME"))
"""None of them imports, calls or builds an object."""


class PlainUnpickler(pickle.Unpickler):
    """Refuse whatever a pickle would import or ask the program for."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise _refused(f"{module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise _refused("a persistent id")


def read_plain_pickle(data: bytes) -> Plain:
    """Return the value of a pickle of None, bool, int, float, str, bytes, list, tuple and dict alone, of any protocol.

    Lists and dicts may contain themselves. Raises `DataError` for everything else, and above the limits.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"the pickle is larger than {MAX_BYTES >> 20} MiB")
    try:
        with catch_warnings(action="ignore", category=DeprecationWarning):  # unknown escapes in texts
            _check(data)
            value: Plain = PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except DataError:
        raise
    except Exception as error:  # damaged bytes raise anything
        raise DataError(f"damaged pickle: {' '.join(str(error).split()) or type(error).__name__}") from None
    return value


def _check(data: bytes) -> None:
    """Raise `DataError` where the standard unpickler would do harm; `ValueError`, `IndexError` or `KeyError` on damage.

    It knows no limits, and it hashes every key: that of a tuple which is nested deep enough ends the process.
    """
    stack, time = _Stack(), TimeLimit(len(data))
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if count >= MAX_OPCODES:
            raise DataError(f"the pickle has more than {MAX_OPCODES} opcodes")
        time.check(DataError)
        if opcode.name not in _PLAIN:
            named = f" {argument[:80]!r}" if isinstance(argument, str) and argument else ""
            raise _refused(f"{opcode.name}{named}")
        stack.step(opcode.name, argument)
    if stack.tuples or stack.marks:
        raise ValueError("values are left on the stack")


class _Stack:
    """Which values on an unpickler's stack and in its memo are tuples."""

    def __init__(self) -> None:
        self.tuples: list[bool] = []
        self.marks: list[int] = []
        self._memo: dict[int, bool] = {}

    def step(self, name: str, argument: Any) -> None:
        if name == "MARK":
            self.marks.append(len(self.tuples))
        elif name == "DUP":
            self.tuples.append(self.tuples[-1])
        elif name in _FETCHING:
            self.tuples.append(self._memo[argument])
        elif name in _STORING:
            self._store(len(self._memo) if argument is None else argument)
        elif name == "POP" and self.marks and self.marks[-1] == len(self.tuples):
            self.marks.pop()
        else:
            start = self.marks.pop() if name in _TO_MARK else len(self.tuples) - _TAKEN.get(name, 0)
            _check_keys(name, self.tuples[start:])
            self.tuples[start:] = ["TUPLE" in name] * (name in _GIVING)

    def _store(self, number: int) -> None:
        if number > MAX_OPCODES:
            raise ValueError(f"a number of {number} in the memo")
        self._memo[number] = self.tuples[-1]


def _check_keys(name: str, tuples: list[bool]) -> None:
    """Raise `DataError` if an opcode that fills a dict with these values has a tuple among the keys."""
    if name in ("SETITEM", "SETITEMS", "DICT") and any(tuples[::2]):
        raise DataError("the pickle has a tuple as a key; save it as CSV or JSON")


def _refused(what: str) -> DataError:
    return DataError(f"the pickle holds more than lists of names ({what}); save it as CSV or JSON")
