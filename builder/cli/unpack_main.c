/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_main - the program croze-unpack: decompresses and unpacks one archive, confined (unpack.h says what it is asked
 * and answers).
 *
 * Not for people: croze starts it. Two processes share the work: the child reads the archive,
 * decompresses and digests it and has no file system at all; the parent parses the tar, and may
 * only write below the root it was given.
 */
#include "builder/layer/decode.h"
#include "builder/layer/unpack.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/landlock.h"
#include "seccomp/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <langinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_MAX (3ULL << 30) /* of address space: a listing of the most entries, a zstd window */
#define PIPE_SIZE (1 << 20)

/* The words of the command line, in order (apply.c writes them). */
enum word {
	WORD_MODE = 1,
	WORD_ROOT,
	WORD_LISTING,
	WORD_BYTES,
	WORD_ENTRIES,
	WORD_DEST,
	WORD_CHOWN,
	WORD_UID,
	WORD_GID,
	WORD_SHARED,
	WORD_COUNT
};

static int
parse_request(char **argv, struct unpack_request *r, struct error *e)
{
	uint64_t mode, chown, uid, gid;
	int64_t root, listing, shared;

	if (parse_u64(argv[WORD_MODE], UNPACK_LAYER, UNPACK_DECODE, "mode", &mode, e) < 0 ||
	    parse_i64(argv[WORD_ROOT], -1, 1 << 20, "root", &root, e) < 0 ||
	    parse_i64(argv[WORD_LISTING], -1, 1 << 20, "listing", &listing, e) < 0 ||
	    parse_u64(argv[WORD_BYTES], 0, UINT64_MAX, "bytes", &r->max_bytes, e) < 0 ||
	    parse_u64(argv[WORD_ENTRIES], 0, UINT64_MAX, "entries", &r->max_entries, e) < 0 ||
	    parse_u64(argv[WORD_CHOWN], 0, 1, "chown", &chown, e) < 0 ||
	    parse_u64(argv[WORD_UID], 0, UINT32_MAX - 1, "uid", &uid, e) < 0 ||
	    parse_u64(argv[WORD_GID], 0, UINT32_MAX - 1, "gid", &gid, e) < 0 ||
	    parse_i64(argv[WORD_SHARED], -1, 1 << 20, "shared", &shared, e) < 0)
		return -1;
	r->mode = (enum unpack_mode)mode;
	r->root = (int)root;
	r->listing = (int)listing;
	r->shared = (int)shared;
	r->dest = argv[WORD_DEST];
	r->recorded = owner_is_recorded(); /* the same namespace as the caller's */
	r->chown = chown == 1;
	r->uid = (uid_t)uid;
	r->gid = (gid_t)gid;
	return 0;
}

static void
limit_resources(void)
{
	struct rlimit limit = { 0, 0 };

	(void)setrlimit(RLIMIT_CORE, &limit); /* lowering never fails */
#ifndef CROZE_SANITIZED
	limit.rlim_cur = limit.rlim_max = MEMORY_MAX;
	(void)setrlimit(RLIMIT_AS, &limit);
#endif
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur =
		    limit.rlim_max; /* deep trees are removed with a descriptor a level */
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The decompressing process; never returns. */
static void
run_decoder(const struct unpack_request *r, int out, int answer_fd)
{
	struct decode_answer answer = { 0 };
	struct error ignored = ERROR_INIT;

	if (r->root >= 0)
		(void)close(r->root); /* nothing was written through it here */
	if (r->listing >= 0)
		(void)close(r->listing);
	if (r->shared >= 0)
		(void)close(r->shared);
	(void)close(STDOUT_FILENO);
	if (strict_parse(&answer.error) < 0)
		answer.failed = true;
	else if (decode_stream(STDIN_FILENO, out, r->max_bytes, &answer, &answer.error) < 0)
		answer.failed = true;
	(void)close(out);
	(void)fd_write_all(answer_fd, &answer, sizeof(answer), &ignored); /* nobody else to tell */
	_exit(answer.failed);
}

static int
start_decoder(const struct unpack_request *r, int *tar, int *answer, struct error *e)
{
	int data[2] = { -1, -1 }, say[2] = { -1, -1 };
	pid_t parent = getpid(), pid;

	if (pipe2(data, O_CLOEXEC) < 0 || pipe2(say, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	(void)fcntl(data[1], F_SETPIPE_SZ, PIPE_SIZE); /* only faster */
	pid = fork();
	if (pid < 0)
		return error_sys(e, "cannot start a process");
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		(void)close(data[0]);
		(void)close(say[0]);
		run_decoder(r, data[1], say[1]);
	}
	(void)close(data[1]);
	(void)close(say[1]);
	(void)close(STDIN_FILENO);
	*tar = data[0];
	*answer = say[0];
	return 0;
}

/*
 * libarchive converts names of extended headers with iconv (and gives the bytes as they are where that fails, as it does in
 * the C locale). The C library reads its table of conversions at the first use: here, while it may.
 */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak" /* (iconv_t)-1 is no memory */
static void
load_conversions(void)
{
	iconv_t conversion = iconv_open(nl_langinfo(CODESET), "UTF-8");

	if (conversion != (iconv_t)-1)
		(void)iconv_close(conversion);
}
#pragma GCC diagnostic pop

static int
confine(const struct unpack_request *r, struct error *e)
{
	struct landlock_rule rule = { .fd = r->root, .access = LANDLOCK_WRITE };

	if (r->root < 0)
		return strict_parse(e);
	return landlock_restrict(&rule, 1, e) < 0 ? -1 : strict_filter(STRICT_UNPACK, e);
}

/* What the decompressing process says; its failure is the cause of ours. */
static int
take_decoded(int answer_fd, struct unpack_answer *answer, bool failed, struct error *e)
{
	struct error broken = ERROR_INIT;
	struct decode_answer decoded;
	int got = fd_read_exact(answer_fd, &decoded, sizeof(decoded), &broken);

	if (got <= 0)
		return failed ? -1 : error_set(e, ERR_SYSTEM, "the decompressing process died");
	if (decoded.failed && failed && decoded.error.sys == EPIPE)
		return -1; /* it ended because we did */
	if (decoded.failed) {
		*e = decoded.error;
		return -1;
	}
	answer->digest = decoded.digest;
	answer->diff_id = decoded.diff_id;
	answer->size = decoded.size;
	answer->tar_size = decoded.tar_size;
	return failed ? -1 : 0;
}

static int
serve(char **argv, struct unpack_answer *answer, struct buf *notes, struct error *e)
{
	struct unpack_request request;
	struct inodes shared = { 0 };
	int tar = -1, say = -1, result;

	if (parse_request(argv, &request, e) < 0 || start_decoder(&request, &tar, &say, e) < 0)
		return -1;
	load_conversions();
	if (request.shared >= 0 && inodes_read(&shared, request.shared, e) < 0)
		return -1;
	if (confine(&request, e) < 0)
		return -1;
	result = unpack_tar(&request, &shared, tar, answer, notes, e);
	(void)close(tar); /* a decompressor that still writes ends */
	if (request.mode == UNPACK_DETECT)
		return result;
	return take_decoded(say, answer, result < 0, e);
}

int
main(int argc, char **argv)
{
	struct unpack_answer answer = { .magic = UNPACK_MAGIC };
	struct error e = ERROR_INIT;
	struct buf notes = { 0 };

	if (argc != WORD_COUNT) {
		fprintf(stderr, "croze-unpack is started by croze\n");
		return 2;
	}
	(void)umask(0);
	(void)signal(SIGPIPE, SIG_IGN);
	limit_resources();
	answer.failed = serve(argv, &answer, &notes, &answer.error) < 0;
	answer.notes_length = notes.len;
	if (fd_write_all(STDOUT_FILENO, &answer, sizeof(answer), &e) < 0 ||
	    fd_write_all(STDOUT_FILENO, notes.data, notes.len, &e) < 0)
		_exit(1);
	_exit(answer.failed); /* not exit(): the filter allows no more than that */
}
