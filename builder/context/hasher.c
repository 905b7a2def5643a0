/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hasher - digests of many files at once, on all processors.
 *
 * Results are written to memory that caller and workers share: a worker that dies leaves what it
 * had done.
 */
#include "builder/context/hasher.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/xattr.h>
#include <unistd.h>

#define READ_SIZE (256U << 10)
#define WORKERS_MAX 16
/* A worker costs about as much as reading so many files or bytes. */
#define FILES_A_WORKER 64
#define BYTES_A_WORKER (2U << 20)
#define ATTEMPTS 3

struct shared {
	_Atomic size_t next;
	struct hasher_result results[];
};

struct job {
	struct shared *shared;
	size_t count;
	hasher_open *open_file;
	void *arg;
};

/* Attributes that a security module puts on every file, and that no image holds. */
static bool
is_host_xattr(const char *name)
{
	static const char *const names[] = { "security.selinux", "security.ima", "security.evm",
		"security.apparmor", "security.SMACK64" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return strncmp(name, "trusted.", 8) == 0;
}

static bool
has_xattrs(int fd)
{
	char names[1024];
	ssize_t length = flistxattr(fd, names, sizeof(names));

	if (length < 0)
		return errno == ERANGE;
	for (const char *name = names; name < names + length; name += strlen(name) + 1) {
		if (!is_host_xattr(name))
			return true;
	}
	return false;
}

static bool
same_key(const struct digests_key *a, const struct digests_key *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime;
}

/* Reads @fd from its start to its end. */
static int
read_whole(int fd, struct hash *hash, struct digest *digest, uint64_t *size, struct error *e)
{
	autofree char *bytes = xmalloc(READ_SIZE);
	ssize_t got;

	*size = 0;
	while ((got = pread(fd, bytes, READ_SIZE, (off_t)*size)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(e, "cannot read");
		hash_add(hash, bytes, (size_t)got);
		*size += (uint64_t)got;
	}
	hash_finish(hash, digest);
	return 0;
}

int
hasher_read(int fd, struct hasher_result *result, struct error *e)
{
	autohash struct hash *hash = hash_new();
	struct digests_key before;
	struct stat st;
	uint64_t size;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		result->read_at = digests_clock();
		if (fstat(fd, &st) < 0)
			return error_sys(e, "cannot look at the file");
		digests_key_of(&st, &before);
		result->flags = has_xattrs(fd) ? 0 : DIGESTS_NO_XATTRS;
		if (read_whole(fd, hash, &result->digest, &size, e) < 0)
			return -1;
		if (fstat(fd, &st) < 0)
			return error_sys(e, "cannot look at the file");
		digests_key_of(&st, &result->key);
		if (same_key(&before, &result->key) && size == result->key.size) {
			result->done = 1;
			return 0;
		}
	}
	error_set(e, ERR_TEMPORARY, "changed while it was read");
	return error_hint(e, "build again when nothing writes to it");
}

static int
job_file(struct job *job, size_t index, struct error *e)
{
	autofd int fd = job->open_file(job->arg, index, e);

	if (fd < 0)
		return -1;
	return hasher_read(fd, &job->shared->results[index], e);
}

static int
job_work(void *arg, struct buf *answer, struct error *e)
{
	struct job *job = arg;
	size_t index;

	(void)answer; /* results are in shared memory */
	while ((index = atomic_fetch_add(&job->shared->next, 1)) < job->count) {
		if (job_file(job, index, e) < 0)
			return -1;
	}
	return 0;
}

static size_t
count_workers(size_t count, uint64_t bytes)
{
	cpu_set_t set;
	size_t by_work = count / FILES_A_WORKER + (size_t)(bytes / BYTES_A_WORKER);
	size_t processors = 1;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		processors = (size_t)CPU_COUNT(&set);
	if (by_work > count)
		by_work = count;
	if (processors > WORKERS_MAX)
		processors = WORKERS_MAX;
	if (by_work > processors)
		by_work = processors;
	return by_work > 0 ? by_work : 1;
}

/* The caller works too: one fork less. */
static int
job_run(struct job *job, uint64_t bytes, struct error *e)
{
	struct worker workers[WORKERS_MAX];
	size_t wanted = count_workers(job->count, bytes), started = 0;
	int result = 0;

	while (started + 1 < wanted && result == 0) {
		result = worker_start(&workers[started], job_work, job, e);
		if (result == 0)
			started++;
	}
	if (result == 0)
		result = job_work(job, NULL, e);
	for (size_t i = 0; i < started; i++) {
		auto(buf) struct buf answer = { 0 };

		if (result < 0)
			worker_kill(&workers[i]);
		else
			result = worker_finish(&workers[i], &answer, e);
	}
	return result;
}

int
hasher_run(size_t count, uint64_t bytes, hasher_open *open_file,
    void (*take)(void *arg, size_t index, const struct hasher_result *result), void *arg,
    struct error *e)
{
	struct job job = { .count = count, .open_file = open_file, .arg = arg };
	size_t length;
	int result;

	if (count == 0)
		return 0;
	if (__builtin_mul_overflow(count, sizeof(struct hasher_result), &length) ||
	    __builtin_add_overflow(length, sizeof(struct shared), &length))
		return error_set(e, ERR_INPUT, "too many files");
	job.shared = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.shared == MAP_FAILED)
		return error_sys(e, "cannot get memory for %zu digests", count);
	result = job_run(&job, bytes, e);
	for (size_t i = 0; i < count; i++) {
		if (job.shared->results[i].done)
			take(arg, i, &job.shared->results[i]);
	}
	(void)munmap(job.shared, length);
	return result;
}
