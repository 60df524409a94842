/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without libFuzzer: over each file of the directories
 * given, every prefix of it, and the file with each of its bytes inverted.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/nfs/fuzz.h"

#define SIZE_MAX_REPLAYED 65536

/* In memory of just its size, so that reading behind it shows. */
static void
run(const uint8_t *data, size_t size, size_t inverted)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	for (size_t i = 0; i < size; i++)
		copy[i] = i == inverted ? (uint8_t)~data[i] : data[i];
	(void)LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void
replay(const char *path)
{
	static uint8_t data[SIZE_MAX_REPLAYED];
	FILE *f = fopen(path, "r");
	size_t size;

	if (f == NULL) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), f);
	fclose(f);
	for (size_t n = 0; n <= size; n++)
		run(data, n, SIZE_MAX);
	for (size_t i = 0; i < size; i++)
		run(data, size, i);
}

int
main(int argc, char **argv)
{
	size_t files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *e;
		char path[4096];

		while (d != NULL && (e = readdir(d)) != NULL) {
			if (e->d_name[0] == '.')
				continue;
			snprintf(
			    path, sizeof(path), "%s/%s", argv[i], e->d_name);
			replay(path);
			files++;
		}
		if (d != NULL)
			closedir(d);
	}
	printf("%zu files\n", files);
	return files > 0 ? 0 : 1;
}
