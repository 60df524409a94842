# SPDX-License-Identifier: BSD-2-Clause
# What the scripts of the tables begin with.

# listening PORT [tcp|udp]: wait until somebody does.
listening() {
	local where
	where=$(printf ':%04X [0-9A-F]*:[0-9A-F]* ' "$1")
	[ "${2:-tcp}" = udp ] || where+=0A
	until grep -q "$where" /proc/net/"${2:-tcp}" /proc/net/"${2:-tcp}6"; do
		:
	done
	return 0
}

# until_ok command ...: again and again until it succeeds.
until_ok() {
	until "$@" >/dev/null 2>&1; do
		read -r -t 0.02 <> <(:)
	done
	return 0
}

# lines N [TEXT]: N different lines.
lines() {
	awk -v n="$1" -v t="${2:-line}" 'BEGIN {
		for (i = 1; i <= n; i++)
			print t, i, (i * 7919) % 10007
	}'
}

# c_project N: a library of N files, a program, and a makefile for them.
c_project() {
	mkdir -p src include
	printf 'int sum(int);\n#define BASE 10\n' >include/base.h
	for ((i = 0; i < $1; i++)); do
		echo "int f$i(int);" >>include/base.h
		printf '#include <stdio.h>\n#include <string.h>\n%s\n%s\n' \
		    '#include "base.h"' \
		    "int f$i(int x) { return x * $i + BASE + strlen(\"$i\"); }" \
		    >"src/f$i.c"
	done
	{
		echo '#include "base.h"'
		echo 'int sum(int x) { int s = 0;'
		for ((i = 0; i < $1; i++)); do echo "s += f$i(x);"; done
		echo 'return s; }'
	} >src/sum.c
	cat >src/main.c <<-'X'
	#include <stdio.h>
	#include <stdlib.h>
	#include "base.h"
	int main(int argc, char **argv)
	{ printf("%d\n", sum(argc > 1 ? atoi(argv[1]) : 1)); return 0; }
	X
	cat >Makefile <<-'X'
	.RECIPEPREFIX = >
	CFLAGS = -O1 -Wall -Iinclude -MMD -MP
	OBJS = $(patsubst src/%.c,build/%.o,$(filter-out src/main.c,$(wildcard src/*.c)))
	all: build/prog
	build/prog: build/main.o build/libsum.a
	>@$(CC) -o $@ $^
	build/libsum.a: $(OBJS)
	>@rm -f $@; $(AR) rcsD $@ $(sort $^)
	build/%.o: src/%.c | build
	>@$(CC) $(CFLAGS) -c -o $@ $<
	build:
	>@mkdir $@
	clean:
	>@rm -rf build
	-include $(wildcard build/*.d)
	X
}

# git with an identity and at times that do not change.
git_setup() {
	export GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
	export GIT_AUTHOR_DATE='@1700000000 +0000'
	export GIT_COMMITTER_DATE='@1700000000 +0000'
	git config --global user.name 'A Name'
	git config --global user.email name@example.org
	git config --global init.defaultBranch main
	git config --global advice.detachedHead false
	git config --global gc.auto 0
	git config --global protocol.file.allow always
}

# git_history N DIRECTORY: a repository of N commits.
git_history() {
	git init -q "$2"
	for ((i = 1; i <= $1; i++)); do
		lines $((i * 20)) "file $((i % 5))" >"$2/file$((i % 5))"
		mkdir -p "$2/dir$((i % 3))"
		echo "$i" >"$2/dir$((i % 3))/n$i"
		git -C "$2" add -A
		GIT_COMMITTER_DATE="@$((1700000000 + i)) +0000" \
		    git -C "$2" commit -q -m "commit $i"
	done
}

# root_of DIR program ...: a root directory with these programs and what they
# need.
root_of() {
	local root=$1 name file
	shift
	for name in bin lib lib64 sbin; do
		mkdir -p "$root/usr/$name" && ln -s "usr/$name" "$root/$name"
	done
	for name in "$@"; do
		name=$(command -v "$name")
		for file in "$name" $(ldd "$name" | grep -v librump |
		    grep -o '/[^ ]*'); do
			mkdir -p "$root/${file%/*}" && cp -nL "$file" "$root/$file"
		done
	done
}
