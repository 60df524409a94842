# SPDX-License-Identifier: BSD-2-Clause
"""What the system call tables have in common: lines, words and complaints."""
import sys


class TableError(Exception):
    """Bad input; says file:line: message."""

    def __init__(self, path, line, message):
        super().__init__(f"{path}:{line}: {message}")


class Row:
    """One logical line: its text, and where it stands for complaints."""

    def __init__(self, path, line, text):
        self.path, self.line, self.text = path, line, text

    def error(self, message):
        return TableError(self.path, self.line, message)


def rows(path):
    """The logical lines of a table, comments gone and continuations joined."""
    out = []
    with open(path, encoding="ascii") as f:
        for number, line in enumerate(f, 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            if line[0].isspace():
                if not out:
                    raise TableError(path, number, "continues nothing")
                out[-1].text += " " + text
            else:
                out.append(Row(path, number, text))
    return out


def number(row, word, limit):
    """A decimal number below limit."""
    if not word.isdecimal() or int(word) >= limit:
        raise row.error(f"'{word}' is not a number below {limit}")
    return int(word)


def run(main):
    """Call main(arguments); turn complaints into an exit status of 1."""
    try:
        main(sys.argv[1:])
    except TableError as e:
        sys.exit(str(e))
    except OSError as e:
        sys.exit(f"{e.filename}: {e.strerror}")
