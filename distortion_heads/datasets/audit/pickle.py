"""Read plain data from a pickle without running it: an interpreter of the opcodes that build plain values.

The opcodes that import, call or build objects (GLOBAL, REDUCE, BUILD, INST, OBJ, NEWOBJ, EXT1, PERSID ...) are not
among them, so there is no code that a file could reach. `pickletools` (standard library) decodes the opcodes.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias
from warnings import catch_warnings

from distortion_heads.errors import DataError

Plain: TypeAlias = "bool | int | float | str | bytes | list[Any] | tuple[Any, ...] | dict[Any, Any] | None"

MAX_BYTES = 64 << 20
MAX_OPCODES = 5_000_000
_KEYS = (str, int, float, bool, bytes, type(None))
_HARMLESS = frozenset(("PROTO", "FRAME"))
_VALUES = (
    "INT LONG BININT BININT1 BININT2 LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING BINBYTES "
    "SHORT_BINBYTES BINBYTES8 UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8"
)
"""Opcodes that push their own argument."""
_MARK = object()


def read_plain_pickle(data: bytes) -> Plain:
    """The value of a pickle of any protocol made of None, bool, int, float, str, bytes, list, tuple and dict alone.

    Lists and dicts may contain themselves, as in any pickle. Raises `DataError` for everything else.
    """
    if len(data) > MAX_BYTES:
        raise DataError(f"the pickle is larger than {MAX_BYTES >> 20} MiB")
    machine = _Machine()
    try:
        with catch_warnings(action="ignore", category=DeprecationWarning):  # of unknown escapes in texts
            for name, argument in _opcodes(data):
                if name == "STOP":
                    return machine.result()
                machine.step(name, argument)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise DataError(f"damaged pickle: {' '.join(str(error).split()) or type(error).__name__}") from None
    raise DataError("damaged pickle: it does not end")


def _opcodes(data: bytes) -> Iterator[tuple[str, Any]]:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if count >= MAX_OPCODES:
            raise DataError(f"the pickle has more than {MAX_OPCODES} opcodes")
        yield opcode.name, argument


class _Machine:
    """The stack and the memo of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: dict[str, Callable[[Any], None]] = {
            "MARK": lambda _: self._stack.append(_MARK),
            "POP": lambda _: self._drop(),
            "POP_MARK": lambda _: self._drop_to_mark(),
            "DUP": lambda _: self._push(self._top(object)),
            "NONE": lambda _: self._push(None),
            "NEWTRUE": lambda _: self._push(True),
            "NEWFALSE": lambda _: self._push(False),
            "EMPTY_LIST": lambda _: self._push([]),
            "EMPTY_TUPLE": lambda _: self._push(()),
            "EMPTY_DICT": lambda _: self._push({}),
            "LIST": lambda _: self._push(self._to_mark()),
            "TUPLE": lambda _: self._push(tuple(self._to_mark())),
            "DICT": lambda _: self._push(_filled({}, self._to_mark())),
            "TUPLE1": lambda _: self._tuple(1),
            "TUPLE2": lambda _: self._tuple(2),
            "TUPLE3": lambda _: self._tuple(3),
            "APPEND": lambda _: self._append([self._pop()]),
            "APPENDS": lambda _: self._append(self._to_mark()),
            "SETITEM": lambda _: self._set([self._pop(), self._pop()][::-1]),
            "SETITEMS": lambda _: self._set(self._to_mark()),
            "MEMOIZE": lambda _: self._put(len(self._memo)),
            **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), self._put),
            **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), lambda key: self._push(self._memo[key])),
            **dict.fromkeys(_VALUES.split(), self._push),
            **dict.fromkeys(_HARMLESS, lambda _: None),
        }

    def step(self, name: str, argument: Any) -> None:
        if name not in self._steps:
            raise DataError(
                f"the pickle holds more than lists of names ({name}{_of(argument)}); save it as CSV or JSON"
            )
        self._steps[name](argument)

    def result(self) -> Plain:
        value: Plain = self._pop()
        if self._stack:
            raise ValueError("values are left on the stack")
        return value

    def _push(self, value: Any) -> None:
        self._stack.append(value)

    def _pop(self) -> Any:
        value = self._stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value is wanted")
        return value

    def _drop(self) -> None:
        self._stack.pop()

    def _drop_to_mark(self) -> None:
        self._to_mark()

    def _to_mark(self) -> list[Any]:
        for start in range(len(self._stack) - 1, -1, -1):
            if self._stack[start] is _MARK:
                values = self._stack[start + 1 :]
                del self._stack[start:]
                return values
        raise ValueError("no mark")

    def _tuple(self, size: int) -> None:
        self._push(tuple([self._pop() for _ in range(size)][::-1]))

    def _top(self, kind: type) -> Any:
        value = self._stack[-1]
        if value is _MARK or not isinstance(value, kind):
            raise ValueError(f"no {kind.__name__} on the stack")
        return value

    def _append(self, values: list[Any]) -> None:
        self._top(list).extend(values)

    def _set(self, pairs: list[Any]) -> None:
        _filled(self._top(dict), pairs)

    def _put(self, key: int) -> None:
        self._memo[key] = self._top(object)


def _filled(target: dict[Any, Any], pairs: list[Any]) -> dict[Any, Any]:
    if len(pairs) % 2:
        raise ValueError("a key without a value")
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if not isinstance(key, _KEYS):  # the hash of a deeply nested tuple would overflow the stack
            raise DataError(f"the pickle has a {type(key).__name__} as a key; save it as CSV or JSON")
        target[key] = value
    return target


def _of(argument: object) -> str:
    """What an opcode names, such as the function that it would call."""
    return f" {argument[:80]!r}" if isinstance(argument, str) and argument else ""
