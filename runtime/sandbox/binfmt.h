/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binfmt - programs of other architectures, run by qemu-user, without anybody's set-up.
 *
 * A user namespace can have a binfmt_misc of its own (Linux 6.7), which it and the namespaces nested in it obey, and nobody else
 * sees. It is never attached to a path. qemu is opened when it is registered (flag F), so that no root file system has to have it.
 */
#ifndef CROZE_SANDBOX_BINFMT_H
#define CROZE_SANDBOX_BINFMT_H

#include "runtime/base/error.h"

#include <stdbool.h>

struct binfmt {
	int fs; /* the file system; what is registered goes with it. -1: not needed so far */
};

#define BINFMT_INIT       \
	{                 \
		.fs = -1, \
	}

/**
 * Sees to it that programs of @architecture ("arm64") run, in the calling process's user namespace and below it: nothing is done when
 * they do. @is_own: that namespace is one that userns_enter() made; in any other nothing is registered, as others live there.
 * ERR_HOST with what would mend it.
 */
int binfmt_serve(struct binfmt *b, const char *architecture, bool is_own, struct error *e);
void binfmt_close(struct binfmt *b);

#endif
