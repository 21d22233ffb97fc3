#!/usr/bin/env python3
"""Writes rules/licenses/spdx.txt as a C table: embed_spdx.py OUTPUT FILE"""
import pathlib
import sys

KINDS = {"license": "SPDX_LICENSE", "deprecated": "SPDX_DEPRECATED", "exception": "SPDX_EXCEPTION"}


def main():
    rows = []
    for line in pathlib.Path(sys.argv[2]).read_text().splitlines():
        if line and not line.startswith("#"):
            kind, name = line.split(" ")
            rows.append((name, KINDS[kind]))
    rows.sort(key=lambda row: row[0].lower())
    pathlib.Path(sys.argv[1]).write_text(
        '#include "scan/deps/spdx.h"\n\nconst spdx_name spdx_names[] = {\n'
        + "".join(f'    {{STR_INIT("{name}"), {kind}}},\n' for name, kind in rows)
        + f"}};\nconst size_t spdx_name_count = {len(rows)};\n"
    )


if __name__ == "__main__":
    main()
