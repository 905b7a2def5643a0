/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_layer - a directory tree to a layer that goes nowhere: seconds, MB/s and files/s of each stage.
 *
 *	bench_layer DIRECTORY [none|gzip|zstd [THREADS [OUTPUT]]]
 */
#include "builder/layer/diff.h"
#include "builder/layer/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum compression
compression_of(const char *text)
{
	if (!strcmp(text, "gzip"))
		return COMPRESSION_GZIP;
	return strcmp(text, "zstd") ? COMPRESSION_NONE : COMPRESSION_ZSTD;
}

static int
pack(int dir, int out, const struct layer_options *options, struct layer_result *result,
    struct error *e)
{
	struct diff_options diff = { .upper = dir, .lower = -1, .upper_is_mount = true };
	struct listing_builder *builder = listing_builder_new();
	struct layer_writer *writer;

	if (layer_writer_open(out, options, builder, &writer, e) < 0)
		return -1;
	if (diff_upper(&diff, layer_writer_add, writer, NULL, e) < 0) {
		layer_writer_abort(writer);
		return -1;
	}
	if (layer_writer_finish(writer, result, e) < 0)
		return -1;
	listing_free(listing_builder_finish(builder, e));
	return 0;
}

int
main(int argc, char **argv)
{
	struct layer_options options = { 0 };
	struct error e = ERROR_INIT;
	struct layer_result result;
	struct rusage usage;
	double start, seconds;
	int dir, out = -1;

	if (argc < 2)
		return fprintf(stderr,
			   "usage: bench_layer DIRECTORY [none|gzip|zstd [THREADS [OUTPUT]]]\n"),
		       2;
	options.compression = argc > 2 ? compression_of(argv[2]) : COMPRESSION_NONE;
	options.threads = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1;
	options.whole_seconds = getenv("WHOLE_SECONDS") != NULL;
	if (argc > 4)
		out = open(argv[4], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	start = now();
	if (dir < 0 || pack(dir, out, &options, &result, &e) < 0)
		return fprintf(stderr, "bench_layer: %s\n", e.text), 1;
	seconds = now() - start;
	(void)getrusage(RUSAGE_SELF, &usage);
	printf("%.3f s  %.0f MB/s of tar  %.0f entries/s  %llu entries  %llu -> %llu bytes  cpu "
	       "%.3f s  %ld KiB\n",
	    seconds, (double)result.tar_size / seconds / 1e6, (double)result.n_entries / seconds,
	    (unsigned long long)result.n_entries, (unsigned long long)result.tar_size,
	    (unsigned long long)result.size,
	    (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
		(double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6,
	    usage.ru_maxrss);
	return 0;
}
