/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filecopy - one name of a file becomes a file of its own.
 */
#ifndef CROZE_BASE_FILECOPY_H
#define CROZE_BASE_FILECOPY_H

#include "runtime/base/error.h"

#include <sys/stat.h>

#define FILECOPY_NAME 24

/**
 * Copies content, owner, mode, attributes and times of the regular file @from, of which fstat(2) says @st, from its start to a new file in the
 * folder @dir. That has no name there yet; or, where the file system has no such files, the temporary one in @name, else "". Returns its
 * descriptor, for reading and writing, or -1.
 */
int filecopy_make(
    int dir, int from, const struct stat *st, char name[FILECOPY_NAME], struct error *e);
/**
 * Gives the copy @fd that was made with @name the name @to in @dir, in the place of the file that has it. The folder keeps its times, as
 * nothing has changed in it. On failure the copy has no name any more, and @to is as before.
 */
int filecopy_place(int dir, int fd, char name[FILECOPY_NAME], const char *to, struct error *e);
/** Another symbolic link of the same text, owner and times takes the place of the one that @name is in @dir, of which stat(2) says @st. As above. */
int filecopy_link(int dir, const char *name, const struct stat *st, struct error *e);
/** The copy is not wanted after all. Its descriptor is the caller's to close, as always. */
void filecopy_drop(int dir, const char *name);

#endif
