# SPDX-License-Identifier: BSD-2-Clause
"""The project's own source files, by suffix."""
import os

SKIP = {".git", "corpus", "__pycache__", "stage"}


def files(root, *suffixes):
    for top, dirs, names in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in SKIP and not (
            d.startswith("build") and d != "build-aux"))
        for name in sorted(names):
            if name.endswith(suffixes):
                yield os.path.relpath(os.path.join(top, name), root)
