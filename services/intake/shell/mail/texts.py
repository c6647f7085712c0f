"""Makes text of bytes whose charset is unknown or a lie, and makes text fit to be stored and shown.

None of this fails: what has no meaning becomes U+FFFD.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

FILE_NAME_BYTES_MAX: Final = 255
EXTENSION_BYTES_MAX: Final = 20
CONTENT_ID_CHARACTERS_MAX: Final = 255

_WESTERN: Final = frozenset({"ascii", "iso8859-1", "cp1252"})
_WIDER: Final = {
    # What the label says is a part of this, and what mailers mean by it (WHATWG Encoding, 4.2).
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
}
_ALIASES: Final = {
    "ansi": "cp1252",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "iso-8859-8-i": "iso8859-8",
    "ks_c_5601-1987": "cp949",
    "x-sjis": "cp932",
    "x-gbk": "gb18030",
    "x-mac-roman": "mac-roman",
}
# Codecs that are no charsets: they take time that grows with the square of the text
# (CVE-2022-45061), or read escapes.
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape", "mbcs", "oem"}
)
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CONTROLS: Final = {
    code: None
    for code in range(0xA0)
    if unicodedata.category(chr(code)) == "Cc" and code not in {9, 10}
}
# They turn the order of what follows: `exe.fdp` shows as `pdf.exe` (Unicode TR 36, 2.10).
_TURNING: Final = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


def decoded(content: bytes, charset: str) -> str:
    """The text of `content`, which claims to be in `charset`.

    Bytes that are valid UTF-8 and not ASCII are UTF-8, when they claim to be Western or nothing at
    all: nobody writes such sequences in Latin-1, and many mailers forget to say so.
    """
    codec = _codec(charset)
    if codec is None or codec in _WESTERN:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            codec = codec or "cp1252"
    elif codec == "utf-8" and content.decode("utf-8", "ignore").isascii():
        codec = "cp1252"  # not one sequence is valid
    wider = _WIDER.get(codec, codec)
    try:
        return content.decode(wider, "replace")
    except (UnicodeError, ValueError):  # some codecs refuse to replace
        return content.decode("cp1252", "replace")


@lru_cache(maxsize=256)
def _codec(charset: str) -> str | None:
    """The codec's own name, None for what is no charset that we know."""
    label = charset.strip().strip("\"'").lower()
    label = _ALIASES.get(label, label)
    try:
        name = codecs.lookup(label).name
        "".encode(name)  # refuses what makes no text, as rot13 and zlib
    except (LookupError, ValueError, TypeError):
        return None
    return None if name in _NO_CHARSETS or label.replace("_", "-") in _NO_CHARSETS else name


def storable(text: str) -> str:
    """The same text as Postgres and UTF-8 take it, its lines ended by line feeds."""
    text = _LINE_ENDS.sub("\n", text)
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.translate(_CONTROLS).removeprefix("\ufeff")


def one_line(text: str, most: int) -> str:
    """The same text in one line of at most `most` characters: no sender can begin another one."""
    return " ".join(storable(text).translate(_TURNING).split())[:most].rstrip()


def content_id(written: str) -> str:
    """A content id without its brackets (RFC 2392), as it is compared."""
    return one_line(written, CONTENT_ID_CHARACTERS_MAX).strip("<> ")


def file_name(name: str) -> str:
    """A name without folders, that every file system takes; empty if nothing is left of it."""
    bare = re.split(r"[/\\]", one_line(name, most=4 * FILE_NAME_BYTES_MAX))[-1].strip(" .")
    extension = PurePosixPath(bare).suffix
    if len(extension.encode()) > EXTENSION_BYTES_MAX:
        extension = ""
    stem = bare.removesuffix(extension).encode()[: FILE_NAME_BYTES_MAX - len(extension.encode())]
    return stem.decode("utf-8", "ignore").rstrip() + extension
