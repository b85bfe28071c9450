"""How inputs go wrong: bytes that are flipped, cut, doubled and spliced, texts and JSON with values nobody meant."""

from __future__ import annotations

import copy
import json
import math
import struct
import zlib
from typing import Any

import numpy as np

NUMBERS = (0, 1, -1, 7, 127, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64, 10**400)
FLOATS = (math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, 0.5, 1e9)
TEXTS = (
    "", " ", "\0", "\ud800", "a\0b", "x" * 100_000, "é" * 300, "\u202efdp.exe", "🔥" * 60, "حريق في الغابة",
    "%s%n{0}{x!r}", "{}",
    "nan", "-1", "1e999", "../../out", "/etc/passwd", "C:\\x", "\\\\host\\x", "CON", "com1.txt", "NUL.safetensors",
    "a.", "a ", ".hidden", "．．／x", "a/b", "a\\b", "a:b", "http://127.0.0.1:9/x", "/vsicurl/http://127.0.0.1:9/x",
    "<?xml version='1.0'?>", "=cmd()", '"', "'", ",", "|:|", "map:0,0,1,1", "map:nan,nan,nan,nan",
    "map:-1e999,-1e999,1e999,1e999", "1,2,3,4", "9" * 5000 + ",1,1,1", "-1,-1,5,5", "０,０,３,３", "\n", "a\r\nb", "\t",
    "[" * 20_000, "{" * 300, '{"a":' * 5_000, "\ufeff", "\x1b[31m", "fire " * 201,
)  # fmt: skip
NAMES = tuple(text for text in TEXTS if len(text) < 400)

Draw = np.random.Generator


def any_text(draw: Draw) -> str:
    """A text of the list, two of them, or characters of all of Unicode."""
    kind = draw.integers(0, 4)
    if kind == 0:
        return "".join(chr(int(each)) for each in draw.integers(0, 0x110000, draw.integers(1, 30)))
    if kind == 1:
        return "".join(chr(int(each)) for each in draw.integers(1, 256, draw.integers(1, 60)))
    first = TEXTS[draw.integers(len(TEXTS))]
    return first + TEXTS[draw.integers(len(TEXTS))] if kind == 2 else first


def any_number(draw: Draw) -> int:
    return int(NUMBERS[draw.integers(len(NUMBERS))])


def any_float(draw: Draw) -> float:
    return float(FLOATS[draw.integers(len(FLOATS))]) if draw.random() < 0.7 else float(draw.normal() * 10)


def any_value(draw: Draw) -> Any:
    """A value as JSON may hold one, of any type."""
    kinds = (any_text, any_number, any_float, lambda _: None, lambda _: [], lambda _: {}, lambda _: True)
    value = kinds[draw.integers(len(kinds))](draw)
    return [value] * int(draw.integers(1, 5)) if draw.random() < 0.2 else value


def mutated_bytes(draw: Draw, data: bytes, other: bytes) -> bytes:
    """One to six changes anywhere; half of them near the beginning, where the headers are."""
    result = bytearray(data)
    for _ in range(int(draw.integers(1, 7))):
        end = len(result) if draw.random() < 0.5 else min(len(result), 400)
        at = int(draw.integers(0, end)) if end else 0
        _CHANGES[draw.integers(len(_CHANGES))](draw, result, at, other)
    return bytes(result)


def _flip(draw: Draw, data: bytearray, at: int, _: bytes) -> None:
    if data:
        data[at] ^= 1 << int(draw.integers(8))


def _put(draw: Draw, data: bytearray, at: int, _: bytes) -> None:
    order, form = "<>"[draw.integers(2)], "BHIQ"[draw.integers(4)]
    value = any_number(draw) % 2 ** (8 * struct.calcsize(form))
    data[at : at + struct.calcsize(form)] = struct.pack(order + form, value)


def _cut(draw: Draw, data: bytearray, at: int, _: bytes) -> None:
    del data[at : at + int(draw.integers(1, 200))]


def _end(_: Draw, data: bytearray, at: int, _other: bytes) -> None:
    del data[at:]


def _double(draw: Draw, data: bytearray, at: int, _: bytes) -> None:
    data[at:at] = data[at : at + int(draw.integers(1, 400))]


def _insert(draw: Draw, data: bytearray, at: int, _: bytes) -> None:
    data[at:at] = draw.bytes(int(draw.integers(1, 60)))


def _splice(draw: Draw, data: bytearray, at: int, other: bytes) -> None:
    begin = int(draw.integers(0, len(other) + 1))
    data[at : at + int(draw.integers(1, 300))] = other[begin : begin + int(draw.integers(1, 300))]


_CHANGES = (_flip, _flip, _put, _put, _cut, _end, _double, _insert, _splice)


def sound_png(data: bytes) -> bytes:
    """A PNG whose checksums are right again, so that what was changed is looked at."""
    result, at = bytearray(data), 8
    while at + 12 <= len(result):
        length = int.from_bytes(result[at : at + 4], "big")
        end = at + 8 + length
        if end + 4 > len(result):
            break
        result[end : end + 4] = struct.pack(">I", zlib.crc32(result[at + 4 : end]))
        at = end + 4
    return bytes(result)


def mutated_text(draw: Draw, text: str) -> str:
    """Pieces cut out, doubled, or replaced by other texts."""
    for _ in range(int(draw.integers(1, 5))):
        at, length = int(draw.integers(0, len(text) + 1)), int(draw.integers(0, 30))
        piece = ("", any_text(draw), text[at : at + length] * 2, str(any_number(draw)))[draw.integers(4)]
        text = text[:at] + piece + text[at + length :]
    return text


def mutated_json(draw: Draw, value: Any) -> Any:
    """One to four parts of a JSON value replaced, taken away or doubled."""
    root = {"": copy.deepcopy(value)}
    for _ in range(int(draw.integers(1, 5))):
        places = list(_places(root))
        holder, key = places[draw.integers(len(places))]
        kind = draw.integers(4)
        if kind == 0 and holder is not root:
            del holder[key]
        elif kind == 1 and isinstance(holder, list):
            holder.append(copy.deepcopy(holder[key]))
        elif isinstance(holder[key], int | float) and draw.random() < 0.6:
            holder[key] = any_number(draw) if draw.random() < 0.5 else any_float(draw)
        else:
            holder[key] = any_value(draw)
    return root[""]


def _places(value: Any) -> Any:
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def written_json(value: Any) -> bytes:
    """As a file; what is no Unicode is escaped, and NaN written as Python does."""
    return json.dumps(value).encode()


def mutated_safetensors(draw: Draw, data: bytes, key: str) -> bytes:
    """A safetensors file with a changed header: of the tensors, or of what stands as JSON under ``key``."""
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    own = header.get("__metadata__", {})
    if key in own and draw.random() < 0.6:
        own[key] = json.dumps(mutated_json(draw, json.loads(own[key])))
    elif draw.random() < 0.4:
        body = mutated_bytes(draw, body, body)
    else:
        header = mutated_json(draw, header)
    text = json.dumps(header).encode()
    length = any_number(draw) % 2**64 if draw.random() < 0.05 else len(text)
    return length.to_bytes(8, "little") + text + body
