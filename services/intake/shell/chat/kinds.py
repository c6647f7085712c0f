"""Which files are taken from strangers: what people photograph, record, film, scan and write.

What an agent's machine would run is not among them, whatever it is called. Archives are not either:
nobody sees what is in one before it is opened.
"""

from __future__ import annotations

import re
from typing import Final

_TAKEN: Final = re.compile(
    r"image/(?:avif|bmp|gif|heic|heif|jpeg|png|tiff|webp)|audio/.+|video/.+"
    r"|text/(?:calendar|csv|markdown|plain|rtf|vcard)"
    r"|application/(?:msword|pdf|rtf|vnd\.ms-(?:excel|powerpoint)"
    r"|vnd\.oasis\.opendocument\.(?:presentation|spreadsheet|text)"
    r"|vnd\.openxmlformats-officedocument\.[a-z]+\.(?:document|presentation|sheet|slideshow))"
)
_ENDINGS: Final = (
    "ade adp apk app appx appxbundle bat cab chm cmd com command cpl desktop diagcab diagcfg"
    " diagpkg dll dmg docm dotm exe hta htm html img ins iso isp jar jnlp js jse lib lnk mde mht"
    " mhtml mjs msc msi msix msixbundle msp mst nsh pif pkg potm ppam ppsm pptm ps1 py reg scf scr"
    " sct settingcontent-ms sh shb svg sys url vb vbe vbs vhd vhdx vxd website wsc wsf wsh xhtml"
    " xlam xll xlsm xltm xml"
)
"""Endings by which a desktop knows what it can run: those that mail providers block (Gmail,
https://support.google.com/mail/answer/6590), with pages and documents that hold programs.
"""
_RUNS: Final = frozenset(_ENDINGS.split())


def is_taken(media_type: str, file_name: str) -> bool:
    """Whether a visitor may send it: by what its content shows, and by what its name would start.

    `media_type` is lower case and without parameters.
    """
    _, _, ending = file_name.rstrip(". ").rpartition(".")
    return _TAKEN.fullmatch(media_type) is not None and ending.lower() not in _RUNS
