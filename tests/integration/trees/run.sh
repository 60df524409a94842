# SPDX-License-Identifier: BSD-2-Clause
# run.sh DIRECTORY SCRIPT: run a case in DIRECTORY, then print what it left
# there: type, mode, owner, links, and size, target or checksum.  Names that
# match a word of $IGNORE (a pattern for find -path, from the directory) are
# left out, they differ from run to run.
cd "$1" || exit 99
bash "$2"
status=$?
cd "$1" || exit 99
set -f
skip=()
for pattern in $IGNORE; do
	skip+=(-path "./$pattern" -o)
done
skip+=(-false)
echo "--- status $status"
find . -mindepth 1 \( "${skip[@]}" \) -prune -o -type d \
    -printf '%P %y %m %U %G\n' -o -printf '%P %y %m %U %G %n %s %l\n' | sort
find . \( "${skip[@]}" \) -prune -o -type f -print0 | sort -z |
    xargs -0 -r sha256sum
exit "$status"
