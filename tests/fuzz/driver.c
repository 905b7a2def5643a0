/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver - main() of a fuzzer where libFuzzer is not: gives it each file of its corpus, as TAP.
 *
 * The corpus of tests/fuzz/fuzz_<name> is tests/fuzz/corpus/<name>/ below $CROZE_SOURCE; with
 * arguments, those files are given instead.
 */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>

static int n_run;

static void
run_file(const char *path)
{
	FILE *file = fopen(path, "re");
	uint8_t *bytes = NULL;
	size_t length = 0;
	size_t room = 0;
	size_t got = 0;

	if (!file) {
		printf("not ok %d - %s: %s\n", ++n_run, path, strerror(errno));
		return;
	}
	do {
		length += got;
		if (length == room) {
			room = room ? room * 2 : 4096;
			bytes = realloc(bytes, room);
			if (!bytes)
				abort();
		}
		got = fread(bytes + length, 1, room - length, file);
	} while (got > 0);
	(void)fclose(file); /* read-only */
	/* A copy of the exact size, so that AddressSanitizer sees a read behind the end. */
	bytes = realloc(bytes, length ? length : 1);
	(void)LLVMFuzzerTestOneInput(bytes, length);
	free(bytes);
	printf("ok %d - %s\n", ++n_run, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	(void)fflush(stdout);
}

static int
run_corpus(const char *program)
{
	const char *source = getenv("CROZE_SOURCE");
	const char *name = strrchr(program, '/');
	struct dirent **entries = NULL;
	char path[4096];
	int n;

	name = name ? name + 1 : program;
	if (strncmp(name, "fuzz_", 5) == 0)
		name += 5;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", source ? source : ".", name);
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0) {
		printf("1..1\nnot ok 1 - %s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < n; i++) {
		char file[8192];

		if (entries[i]->d_name[0] != '.') {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			run_file(file);
		}
		free(entries[i]);
	}
	free(entries);
	printf("1..%d\n", n_run);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return run_corpus(argv[0]);
	for (int i = 1; i < argc; i++)
		run_file(argv[i]);
	printf("1..%d\n", n_run);
	return 0;
}
