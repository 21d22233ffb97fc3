#!/usr/bin/env python3
"""Writes files of rules as a C source: embed.py OUTPUT FILE...

The values that only tests read (positive, negative) are left out, so that a start reads less."""
import pathlib
import sys

LINE = 90


def without_values(text):
    """Drops `positive = [...]` and `negative = [...]`, but not their lines: places stay right."""
    kept, inside = [], False
    for line in text.splitlines():
        starts = line.startswith(("positive = [", "negative = ["))
        kept.append("" if inside or starts else line)
        if starts:
            inside = not line.rstrip().endswith("]")
        elif inside and line.strip() == "]":
            inside = False
    return "\n".join(kept) + "\n"


def literal(text):
    out = []
    for byte in text.encode():
        plain = 32 <= byte < 127 and byte not in b'"\\?'
        out.append(chr(byte) if plain else f"\\{byte:03o}")
    lines, line = [], ""
    for piece in out:
        if len(line) + len(piece) > LINE:
            lines.append(line)
            line = ""
        line += piece
    lines.append(line)
    return "\n        ".join(f'"{line}"' for line in lines)


def main():
    output, files = sys.argv[1], sys.argv[2:]
    rows = []
    for path in sorted(files):
        name = "rules/secrets/" + pathlib.Path(path).name
        text = literal(without_values(pathlib.Path(path).read_text()))
        rows.append(f'    {{"{name}",\n     STR_INIT(\n        {text})}},')
    pathlib.Path(output).write_text(
        '#include "scan/secrets/rules.h"\n\nconst builtin_rules secrets_builtin[] = {\n'
        + "\n".join(rows)
        + f"\n}};\nconst size_t secrets_builtin_count = {len(rows)};\n"
    )


if __name__ == "__main__":
    main()
