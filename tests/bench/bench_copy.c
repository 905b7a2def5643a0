/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_copy - what COPY of many small files costs: looking at them cold and remembered, writing a
 * layer, making files.
 *
 *	bench_copy [FILES [DIRECTORY]]
 *
 * Makes FILES (10,000) of 100 to 4,000 bytes in directories of 100 below DIRECTORY (/tmp), and
 * prints the best time in milliseconds, with the processor time of this process (hashing workers
 * not counted) behind it.
 */
#include "builder/context/digests.h"
#include "builder/step/copy_plan.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5

static double
now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

struct stopwatch {
	double wall;
	double cpu;
};

static double
cpu_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* cannot fail */
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static struct stopwatch
stopwatch_start(void)
{
	return (struct stopwatch){ now_ms(), cpu_ms() };
}

/* Keeps the better of @best and the time since @start. */
static void
stopwatch_stop(struct stopwatch start, struct stopwatch *best)
{
	struct stopwatch took = { now_ms() - start.wall, cpu_ms() - start.cpu };

	if (best->wall == 0 || took.wall < best->wall)
		best->wall = took.wall;
	if (best->cpu == 0 || took.cpu < best->cpu)
		best->cpu = took.cpu;
}

static void
show(const char *what, const struct stopwatch *best)
{
	printf("%-34s %8.1f ms %8.1f ms cpu\n", what, best->wall, best->cpu);
}

static void
check(bool ok, const struct error *e)
{
	if (ok)
		return;
	fprintf(stderr, "bench_copy: %s\n", e->text);
	exit(1);
}

static int
make_files(int top, size_t count)
{
	char bytes[4096];
	int dir = -1;

	for (size_t i = 0; i < count; i++) {
		char name[64];
		size_t size = 100 + i * 7919 % 3900;
		autofd int fd = -1;

		if (i % 100 == 0) {
			snprintf(name, sizeof(name), "d%06zu", i / 100);
			fd_close_at(&dir);
			if (mkdirat(top, name, 0755) < 0)
				return -1;
			dir = openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		}
		for (size_t b = 0; b < size; b++)
			bytes[b] = (char)('a' + (b * (i + 1) >> 3) % 26);
		snprintf(name, sizeof(name), "file%06zu.txt", i);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
			return -1;
	}
	fd_close_at(&dir);
	return 0;
}

static struct copy_plan *
make_plan(int source, struct digests *digests, struct digest *digest)
{
	static char dot[] = ".";
	char *words[] = { dot };
	struct error e = ERROR_INIT;
	struct copy_request request = {
		.from = { .root = source, .name = "the build context" },
		.sources = words,
		.n_sources = 1,
		.dest = "/app",
		.digests = digests,
	};
	struct copy_plan *plan = copy_plan_make(&request, &e);

	check(plan != NULL, &e);
	check(copy_plan_digest(plan, digest, &e) == 0, &e);
	return plan;
}

/* A whole look at the context, as a build does it. */
static void
bench_look(int source, int memory, const char *what)
{
	struct stopwatch best = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct error e = ERROR_INIT;
		struct stopwatch start = stopwatch_start();
		struct digests *digests = digests_open(memory, &e);
		struct digest digest;
		struct copy_plan *plan = make_plan(source, digests, &digest);

		stopwatch_stop(start, &best);
		copy_plan_free(plan);
		digests_free(digests);
	}
	show(what, &best);
}

static void
place(struct copy_plan *plan, struct tree *tree)
{
	struct copy_placement placement = { .tree = tree };
	struct error e = ERROR_INIT;

	check(copy_plan_place(plan, &placement, &e) == 0, &e);
}

static void
bench_layer(struct copy_plan *plan, int top, enum compression compression, const char *what)
{
	struct layer_options options = { .compression = compression, .threads = 2 };
	struct stopwatch best = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		struct error e = ERROR_INIT;
		struct layer_writer *writer;
		struct layer_result result;
		autofd int out = openat(top, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		autotree struct tree *tree = tree_new();
		struct stopwatch start = stopwatch_start();

		place(plan, tree);
		check(layer_writer_open(out, &options, NULL, &writer, &e) == 0, &e);
		check(copy_plan_write(plan, writer, &e) == 0, &e);
		check(layer_writer_finish(writer, &result, &e) == 0, &e);
		stopwatch_stop(start, &best);
	}
	show(what, &best);
}

static void
bench_files(struct copy_plan *plan, int top)
{
	autotree struct tree *tree = tree_new();
	struct error e = ERROR_INIT;
	autofd int root = -1;
	struct stopwatch start, best = { 0 };

	check(mkdirat(top, "made", 0755) == 0, &e);
	root = openat(top, "made", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	start = stopwatch_start();
	place(plan, tree);
	check(copy_plan_materialise(plan, &(struct apply_root){ root, NULL }, &e) == 0, &e);
	stopwatch_stop(start, &best);
	show("files made", &best);
}

static void
show_memory(size_t count, const struct copy_plan *plan)
{
	struct rusage usage;
	struct copy_stats stats;

	(void)getrusage(RUSAGE_SELF, &usage); /* cannot fail */
	copy_plan_stats(plan, &stats);
	printf("%-34s %8ld KiB\n", "peak memory", usage.ru_maxrss);
	printf("%-34s %8llu of %zu\n", "entries", (unsigned long long)stats.n_entries, count);
}

int
main(int argc, char **argv)
{
	size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10000;
	autofree char *template = xasprintf("%s/bench_copy.XXXXXX", argc > 2 ? argv[2] : "/tmp");
	struct error e = ERROR_INIT;
	struct digests *digests;
	struct copy_plan *plan;
	struct digest digest;
	int top, source;
	struct stopwatch start, best = { 0 };

	umask(022);
	check(mkdtemp(template) != NULL, &e);
	top = open(template, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(mkdirat(top, "source", 0755) == 0, &e);
	source = openat(top, "source", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(make_files(source, count) == 0, &e);
	sleep(3); /* a digest of a file younger than this is not remembered */
	bench_look(source, top, "look, nothing remembered");
	digests = digests_open(top, &e);
	plan = make_plan(source, digests, &digest);
	start = stopwatch_start();
	check(digests_save(digests, &e) == 0, &e);
	stopwatch_stop(start, &best);
	show("digests saved", &best);
	bench_look(source, top, "look, all remembered");
	bench_layer(plan, top, COMPRESSION_NONE, "layer, uncompressed");
	bench_layer(plan, top, COMPRESSION_GZIP, "layer, gzip, 2 threads");
	bench_files(plan, top);
	show_memory(count, plan);
	copy_plan_free(plan);
	digests_free(digests);
	printf("left in %s\n", template);
	return 0;
}
