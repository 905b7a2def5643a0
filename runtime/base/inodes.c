/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inodes - files of one file system by their inode number, and what is to be known of each.
 *
 * A table with open addressing, at most half full.
 */
#include "runtime/base/inodes.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define ROOM_MIN 64

void
inodes_release(struct inodes *inodes)
{
	free(inodes->items);
	*inodes = (struct inodes){ 0 };
}

/* The place of @ino, or the free one where it would be. */
static struct inode *
place_of(const struct inodes *inodes, ino_t ino)
{
	uint64_t hash = (uint64_t)ino * 0x9e3779b97f4a7c15U;
	size_t at = (size_t)(hash >> 32) & (inodes->room - 1);

	while (inodes->items[at].ino != 0 && inodes->items[at].ino != ino)
		at = (at + 1) & (inodes->room - 1);
	return &inodes->items[at];
}

static void
grow(struct inodes *inodes)
{
	struct inodes larger = { .dev = inodes->dev,
		.count = inodes->count,
		.room = inodes->room ? 2 * inodes->room : ROOM_MIN };

	larger.items = xcalloc(larger.room, sizeof(*larger.items));
	for (size_t i = 0; i < inodes->room; i++)
		if (inodes->items[i].ino != 0)
			*place_of(&larger, inodes->items[i].ino) = inodes->items[i];
	free(inodes->items);
	*inodes = larger;
}

struct inode *
inodes_find(const struct inodes *inodes, const struct stat *st)
{
	struct inode *found;

	if (inodes->count == 0 || st->st_dev != inodes->dev)
		return NULL;
	found = place_of(inodes, st->st_ino);
	return found->ino != 0 ? found : NULL;
}

struct inode *
inodes_add(struct inodes *inodes, const struct stat *st)
{
	struct inode *inode;

	assert(st->st_ino != 0 && (inodes->count == 0 || st->st_dev == inodes->dev));
	inodes->dev = st->st_dev;
	if (2 * (inodes->count + 1) > inodes->room)
		grow(inodes);
	inode = place_of(inodes, st->st_ino);
	if (inode->ino == 0) {
		*inode = (struct inode){ .ino = st->st_ino, .changed = st->st_ctim };
		inodes->count++;
	}
	inode->names++;
	return inode;
}

/* What stands before the items in the file. */
struct head {
	uint64_t dev;
	uint64_t count;
	uint64_t room;
};

int
inodes_write(const struct inodes *inodes, int fd, struct error *e)
{
	struct head head = { inodes->dev, inodes->count, inodes->room };

	if (fd_write_all(fd, &head, sizeof(head), e) < 0 ||
	    fd_write_all(fd, inodes->items, inodes->room * sizeof(*inodes->items), e) < 0)
		return error_ctx(e, "cannot write a table of files");
	return 0;
}

static int
read_all(int fd, void *to, size_t length, off_t offset)
{
	char *at = to;

	while (length > 0) {
		ssize_t n = pread(fd, at, length, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		offset += n;
		length -= (size_t)n;
	}
	return 0;
}

int
inodes_read(struct inodes *inodes, int fd, struct error *e)
{
	struct head head = { 0 };
	struct stat st;
	uint64_t size;

	if (fstat(fd, &st) < 0)
		return error_sys(e, "cannot read a table of files");
	if (read_all(fd, &head, sizeof(head), 0) < 0 || (head.room & (head.room - 1)) != 0 ||
	    head.count > head.room / 2 ||
	    __builtin_mul_overflow(head.room, sizeof(struct inode), &size) ||
	    (uint64_t)st.st_size != size + sizeof(head))
		return error_set(e, ERR_SYSTEM, "a table of files is damaged");
	*inodes = (struct inodes){
		.dev = (dev_t)head.dev, .count = (size_t)head.count, .room = (size_t)head.room
	};
	inodes->items = xcalloc(inodes->room + 1, sizeof(*inodes->items));
	if (read_all(fd, inodes->items, (size_t)size, sizeof(head)) == 0)
		return 0;
	inodes_release(inodes);
	return error_set(e, ERR_SYSTEM, "a table of files is damaged");
}
