/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply - layers and archives to files, through the confined helper program croze-unpack.
 */
#include "builder/layer/apply.h"

#include "builder/layer/scan.h"
#include "builder/layer/unpack.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOTES_LENGTH_MAX (4U << 20)

void
apply_result_release(struct apply_result *r)
{
	strv_release(&r->notes);
	*r = (struct apply_result){ 0 };
}

static void
add_words(struct strv *words, const struct unpack_request *r)
{
	strv_add(words, UNPACK_PROGRAM);
	strv_printf(words, "%d", (int)r->mode);
	strv_printf(words, "%d", r->root);
	strv_printf(words, "%d", r->listing);
	strv_printf(words, "%llu", (unsigned long long)r->max_bytes);
	strv_printf(words, "%llu", (unsigned long long)r->max_entries);
	strv_add(words, r->dest);
	strv_printf(words, "%d", r->chown);
	strv_printf(words, "%u", r->uid);
	strv_printf(words, "%u", r->gid);
	strv_printf(words, "%d", r->shared);
}

/* In the order of their numbers. */
static size_t
add_kept(int *keep, size_t n, int fd)
{
	size_t at = n;

	if (fd < 0)
		return n;
	for (; at > 0 && keep[at - 1] > fd; at--)
		keep[at] = keep[at - 1];
	keep[at] = fd;
	return n + 1;
}

/* Starts the program; *@answer is where it answers. */
static pid_t
start(const struct unpack_request *r, int in, int *answer, struct error *e)
{
	auto(strv) struct strv words = { 0 };
	autofree char *program = process_helper(UNPACK_PROGRAM);
	autofd int ours = -1, theirs = -1;
	char *const no_environment[] = { NULL };
	int keep[3], pipe_fds[2];
	struct process_spec spec = {
		.path = program, .in = in, .err = STDERR_FILENO, .keep = keep
	};
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return error_sys(e, "cannot make a pipe");
	ours = pipe_fds[0];
	theirs = pipe_fds[1];
	add_words(&words, r);
	spec.argv = strv_array(&words);
	spec.envp = no_environment; /* no locale: libarchive must not convert names */
	spec.out = theirs;
	spec.n_keep = add_kept(keep, spec.n_keep, r->root);
	spec.n_keep = add_kept(keep, spec.n_keep, r->listing);
	spec.n_keep = add_kept(keep, spec.n_keep, r->shared);
	pid = process_spawn(&spec, e);
	if (pid < 0)
		return error_ctx(e, "cannot start '%s'", program);
	*answer = steal_fd(&ours);
	return pid;
}

static int
read_answer(int fd, struct unpack_answer *answer, struct buf *notes, struct error *e)
{
	int got = fd_read_exact(fd, answer, sizeof(*answer), e);

	if (got <= 0)
		return got < 0 ? -1 : error_set(e, ERR_SYSTEM, "no answer");
	if (answer->magic != UNPACK_MAGIC || answer->notes_length > NOTES_LENGTH_MAX)
		return error_set(e, ERR_SYSTEM, "an answer that is none");
	answer->error.text[ERROR_TEXT_MAX - 1] = '\0';
	answer->error.hint[ERROR_HINT_MAX - 1] = '\0';
	return fd_read_all(fd, notes, NOTES_LENGTH_MAX, "the notes of " UNPACK_PROGRAM, e);
}

/* The program's failure in words: its own, or how it ended. */
static int
explain(const struct unpack_answer *answer, bool answered, int status, struct error *e)
{
	auto(buf) struct buf text = { 0 };

	if (answered) {
		*e = answer->error;
		if (e->kind == ERR_NONE)
			error_set(e, ERR_SYSTEM, "%s failed without saying why", UNPACK_PROGRAM);
		return -1;
	}
	process_status_text(status, &text);
	return error_set(
	    e, ERR_SYSTEM, "%s ended without an answer: %s", UNPACK_PROGRAM, buf_text(&text));
}

static int
run(const struct unpack_request *request, int in, struct unpack_answer *answer, struct buf *notes,
    struct error *e)
{
	struct error broken = ERROR_INIT;
	autofd int fd = -1;
	pid_t pid = start(request, in, &fd, e);
	bool answered;
	int status;

	if (pid < 0)
		return -1;
	answered = read_answer(fd, answer, notes, &broken) == 0;
	if (process_wait(pid, &status, e) < 0)
		return -1;
	if (!answered || answer->failed || status != 0)
		return explain(answer, answered && answer->failed, status, e);
	return 0;
}

static int
check_digest(
    const struct digest *expected, const struct digest *found, const char *what, struct error *e)
{
	char expected_text[DIGEST_TEXT_LEN + 1], found_text[DIGEST_TEXT_LEN + 1];

	if (!expected || digest_equal(expected, found))
		return 0;
	return error_set(e, ERR_INPUT, "the %s of the layer is %s, not %s", what,
	    digest_text(found, found_text), digest_text(expected, expected_text));
}

static void
fill_result(
    struct apply_result *result, const struct unpack_answer *answer, const struct buf *notes)
{
	if (!result)
		return;
	*result = (struct apply_result){
		.digest = answer->digest,
		.diff_id = answer->diff_id,
		.size = answer->size,
		.tar_size = answer->tar_size,
		.n_entries = answer->n_entries,
	};
	if (notes->len > 1)
		strv_split(&result->notes, buf_text(notes), '\n');
	if (result->notes.count && !*result->notes.items[result->notes.count - 1])
		strv_remove(&result->notes, result->notes.count - 1);
}

static void
set_limits(struct unpack_request *request, const struct apply_limits *limits)
{
	request->max_bytes = limits && limits->bytes ? limits->bytes : UNPACK_BYTES_DEFAULT;
	request->max_entries = limits && limits->entries ? limits->entries : UNPACK_ENTRIES_DEFAULT;
}

/* The table of @root as a file; -1 where there is none. */
static int
write_shared(const struct apply_root *root, int *fd, struct error *e)
{
	*fd = -1;
	if (!root->shared || root->shared->count == 0)
		return 0;
	*fd = memfd_create("croze-shared", MFD_CLOEXEC);
	return *fd < 0 ? error_sys(e, "cannot make a file in memory")
	               : inodes_write(root->shared, *fd, e);
}

static int
read_layer(struct unpack_request *request, const struct layer_source *source,
    const struct apply_limits *limits, struct listing **listing, struct apply_result *result,
    struct error *e)
{
	auto(buf) struct buf notes = { 0 };
	autofd int file = -1;
	struct unpack_answer answer;

	set_limits(request, limits);
	if (listing) {
		file = memfd_create("croze-listing", MFD_CLOEXEC);
		if (file < 0)
			return error_sys(e, "cannot make a file in memory");
		request->listing = file;
	}
	if (run(request, source->fd, &answer, &notes, e) < 0)
		return -1;
	if (check_digest(source->digest, &answer.digest, "digest", e) < 0 ||
	    check_digest(source->diff_id, &answer.diff_id, "diff ID", e) < 0)
		return -1;
	if (listing) {
		*listing = listing_load_fd(file, e);
		if (!*listing)
			return -1;
	}
	fill_result(result, &answer, &notes);
	return 0;
}

int
layer_apply(const struct layer_source *source, const struct apply_root *root,
    const struct apply_limits *limits, struct listing **listing, struct apply_result *result,
    struct error *e)
{
	struct unpack_request request = {
		.mode = UNPACK_LAYER, .root = root->fd, .listing = -1, .dest = ""
	};
	autofd int shared = -1;

	if (write_shared(root, &shared, e) < 0)
		return -1;
	request.shared = shared;
	return read_layer(&request, source, limits, listing, result, e);
}

int
layer_list(const struct layer_source *source, const struct apply_limits *limits,
    struct listing **listing, struct apply_result *result, struct error *e)
{
	struct unpack_request request = {
		.mode = UNPACK_LIST, .root = -1, .listing = -1, .shared = -1, .dest = ""
	};

	return read_layer(&request, source, limits, listing, result, e);
}

/* Where each file begins in what the program wrote behind the first @at bytes. */
static int
find_picked(
    int fd, uint64_t at, const struct strv *paths, struct layer_file *files, struct error *e)
{
	struct unpack_picked head;
	ssize_t got;

	while ((got = pread(fd, &head, sizeof(head), (off_t)at)) == (ssize_t)sizeof(head)) {
		at += sizeof(head);
		if (head.index >= paths->count || head.size > UNPACK_PICK_MAX)
			return error_set(e, ERR_SYSTEM, "an answer that is none");
		files[head.index] = (struct layer_file){ true, at, head.size };
		at += head.size;
	}
	return got < 0 ? error_sys(e, "cannot read what was picked") : 0;
}

int
layer_pick(const struct layer_source *source, const struct strv *paths, int out,
    struct layer_file *files, struct error *e)
{
	autofree char *lines = strv_join(paths, "\n");
	struct unpack_request request = {
		.mode = UNPACK_PICK, .root = -1, .listing = out, .shared = -1, .dest = ""
	};
	auto(buf) struct buf notes = { 0 };
	struct unpack_answer answer;

	set_limits(&request, NULL);
	memset(files, 0, paths->count * sizeof(*files));
	if (fd_write_all(out, lines, strlen(lines), e) < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0)
		return error_sys(e, "cannot go back to the start of the list of files");
	if (run(&request, source->fd, &answer, &notes, e) < 0 ||
	    check_digest(source->digest, &answer.digest, "digest", e) < 0 ||
	    check_digest(source->diff_id, &answer.diff_id, "diff ID", e) < 0)
		return -1;
	return find_picked(out, strlen(lines), paths, files, e);
}

int
layer_decode(const struct layer_source *source, int out, const struct apply_limits *limits,
    struct apply_result *result, struct error *e)
{
	struct unpack_request request = {
		.mode = UNPACK_DECODE, .root = -1, .listing = out, .shared = -1, .dest = ""
	};
	auto(buf) struct buf notes = { 0 };
	struct unpack_answer answer;

	set_limits(&request, limits);
	if (run(&request, source->fd, &answer, &notes, e) < 0 ||
	    check_digest(source->digest, &answer.digest, "digest", e) < 0 ||
	    check_digest(source->diff_id, &answer.diff_id, "diff ID", e) < 0)
		return -1;
	fill_result(result, &answer, &notes);
	return 0;
}

int
archive_apply(int fd, const struct apply_root *root, const struct archive_options *options,
    struct apply_result *result, struct error *e)
{
	autofree char *dest = path_absolute(options->dest);
	struct unpack_request request = {
		.mode = UNPACK_ARCHIVE,
		.root = root->fd,
		.listing = -1,
		.dest = dest + 1,
		.chown = options->chown,
		.uid = options->uid,
		.gid = options->gid,
	};
	auto(buf) struct buf notes = { 0 };
	autofd int folder = -1, shared = -1;
	struct unpack_answer answer;

	folder = owner_make_dirs(root->fd, dest,
	    &(struct owner){ options->dest_uid, options->dest_gid }, owner_is_recorded(), e);
	if (folder < 0 || write_shared(root, &shared, e) < 0)
		return -1;
	request.shared = shared;
	set_limits(&request, options->limits);
	if (run(&request, fd, &answer, &notes, e) < 0)
		return -1;
	fill_result(result, &answer, &notes);
	return 0;
}

static bool
looks_compressed(const unsigned char *bytes, size_t length)
{
	static const struct {
		const char *magic;
		size_t length;
	} known[] = { { "\x1f\x8b", 2 }, { "\x28\xb5\x2f\xfd", 4 },
		{ "\xfd"
		  "7zXZ",
		    6 },
		{ "BZh", 3 } };

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (length >= known[i].length && !memcmp(bytes, known[i].magic, known[i].length))
			return true;
	return false;
}

bool
archive_begins(const void *bytes, size_t length)
{
	return looks_compressed(bytes, length) ||
	       (length >= ARCHIVE_BEGINNING && scan_is_header(bytes));
}

int
archive_detect(int fd, struct error *e)
{
	struct unpack_request request = {
		.mode = UNPACK_DETECT, .root = -1, .listing = -1, .shared = -1, .dest = ""
	};
	auto(buf) struct buf notes = { 0 };
	unsigned char block[ARCHIVE_BEGINNING];
	struct unpack_answer answer;
	ssize_t got = pread(fd, block, sizeof(block), 0);
	off_t at = lseek(fd, 0, SEEK_CUR);

	if (got < 0 || at < 0)
		return error_sys(e, "cannot read the file");
	if (!looks_compressed(block, (size_t)got))
		return archive_begins(block, (size_t)got);
	set_limits(&request, NULL);
	if (lseek(fd, 0, SEEK_SET) < 0 || run(&request, fd, &answer, &notes, e) < 0)
		return -1;
	if (lseek(fd, at, SEEK_SET) < 0)
		return error_sys(e, "cannot read the file");
	return answer.is_archive;
}
