/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_container - what it costs to start a build step's container, from start to execve.
 *
 * bench_container ROOTFS SCRATCH [N]: N containers, one after another, of ROOTFS/bin/true under an overlay with a fresh upper in
 * SCRATCH. Prints least, tenth and median microseconds of each phase: latencies of a busy machine say something at their low end only.
 */
#include "runtime/base/error.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/overlay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum phase { PHASE_FOLDERS, PHASE_OVERLAY, PHASE_START, PHASE_END, PHASE_ALL, PHASES };
static const char *const names[PHASES] = { "make upper and work", "overlay", "start to execve",
	"execve to reaped", "whole step" };

struct samples {
	double *values[PHASES];
	size_t count;
};

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
print(const char *variant, struct samples *s)
{
	for (int p = 0; p < PHASES; p++) {
		double *v = s->values[p];

		qsort(v, s->count, sizeof(*v), by_value);
		printf("%-18s %-20s min %7.0f  p10 %7.0f  median %7.0f us\n", variant, names[p],
		    v[0], v[s->count / 10], v[s->count / 2]);
	}
}

static int
open_folder(int dir, const char *name, struct error *e)
{
	int fd = -1;

	if (mkdirat(dir, name, 0755) == 0)
		fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? error_sys(e, "cannot make '%s'", name) : fd;
}

static int
one(struct container_spec *spec, int lower, int scratch, size_t n, struct samples *s,
    struct error *e)
{
	char name[32];
	struct container c;
	double t[5];
	int upper, work, status;

	t[0] = now();
	snprintf(name, sizeof(name), "u%d-%zu", (int)getpid(), n);
	upper = open_folder(scratch, name, e);
	snprintf(name, sizeof(name), "w%d-%zu", (int)getpid(), n);
	work = open_folder(scratch, name, e);
	if (upper < 0 || work < 0)
		return -1;
	t[1] = now();
	spec->rootfs = overlay_mount(&(struct overlay_spec){ &lower, 1, upper, work }, e);
	if (spec->rootfs < 0)
		return -1;
	spec->kit->refused = true; /* the next one is not made before the clock is read */
	t[2] = now();
	if (container_start(spec, &c, e) < 0)
		return -1;
	t[3] = now();
	spec->kit->refused = false;
	container_kit_prepare(spec->kit);
	if (container_wait(&c, &status, e) < 0)
		return -1;
	t[4] = now();
	if (container_finish(&c, e) < 0)
		return -1;
	(void)close(spec->rootfs);
	(void)close(upper);
	(void)close(work);
	for (int p = 0; p < 4; p++)
		s->values[p][s->count] = t[p + 1] - t[p];
	s->values[PHASE_ALL][s->count++] = now() - t[0];
	return 0;
}

static int
series(
    const char *variant, struct container_spec *spec, const int dirs[2], size_t n, struct error *e)
{
	static size_t serial;
	struct samples s = { 0 };

	for (int p = 0; p < PHASES; p++)
		s.values[p] = xcalloc(n, sizeof(double));
	for (size_t i = 0; i < n; i++)
		if (one(spec, dirs[0], dirs[1], serial++, &s, e) < 0)
			return -1;
	print(variant, &s);
	for (int p = 0; p < PHASES; p++)
		free(s.values[p]);
	return 0;
}

static int
bench(const char *rootfs, const char *scratch, size_t n, struct error *e)
{
	char *const argv[] = { (char[]){ "/bin/true" }, NULL };
	char *const envp[] = { (char[]){ "PATH=/bin" }, NULL };
	struct container_kit kit = CONTAINER_KIT_INIT;
	struct container_spec spec;
	struct netns joined;
	struct userns u;
	double start = now();
	int dirs[2];

	if (userns_enter(NULL, &u, e) < 0)
		return -1;
	printf("user namespace, once a build: %.0f us\n", now() - start);
	dirs[0] = open(rootfs, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dirs[1] = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirs[0] < 0 || dirs[1] < 0)
		return error_sys(e, "cannot open '%s' and '%s'", rootfs, scratch);
	container_spec_init(&spec);
	spec.userns = &u;
	spec.argv = argv;
	spec.envp = envp;
	spec.kit = &kit;
	container_kit_prepare(&kit);
	if (netns_open(&(struct netns_options){ .mode = NETNS_NONE }, &joined, e) < 0)
		return -1;
	spec.network = CONTAINER_NETWORK_HOST;
	if (series("network host", &spec, dirs, n, e) < 0)
		return -1;
	spec.network = CONTAINER_NETWORK_JOIN;
	spec.netns = joined.fd;
	if (series("network joined", &spec, dirs, n, e) < 0)
		return -1;
	spec.network = CONTAINER_NETWORK_NEW;
	return series("network new", &spec, dirs, n, e);
}

int
main(int argc, char **argv)
{
	struct error e = ERROR_INIT;
	uint64_t n = 100;

	if (argc < 3 ||
	    (argc > 3 && parse_u64(argv[3], 10, 100000, "number of runs", &n, &e) < 0)) {
		fprintf(stderr, "usage: bench_container ROOTFS SCRATCH [N]\n");
		return 2;
	}
	if (bench(argv[1], argv[2], (size_t)n, &e) == 0)
		return 0;
	fprintf(stderr, "bench_container: %s\n", e.text);
	return 1;
}
