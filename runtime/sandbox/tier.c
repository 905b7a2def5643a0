/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier - how far a build's commands can be kept apart here, from most to least.
 */
#include "runtime/sandbox/tier.h"

#include "runtime/base/mem.h"
#include "seccomp/owner.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
	[TIER_AUTO] = "auto",
	[TIER_USERNS] = "userns",
	[TIER_USERNS_SINGLE] = "userns-single",
	[TIER_CHROOT] = "chroot",
	[TIER_NONE] = "none",
};

const char *
tier_name(enum tier tier)
{
	return names[tier];
}

enum tier
tier_named(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_LEN(names) && strcmp(names[i], name) != 0)
		i++;
	assert(i < ARRAY_LEN(names));
	return (enum tier)i;
}

/* Is a range of ids to be had? */
static int
check_range(struct error *e)
{
	if (geteuid() == 0 && owner_is_recorded()) {
		error_set(
		    e, ERR_HOST, "this root has one id only, so that there is no other owner");
		return error_hint(e, "map a range of ids into the outer namespace, or use "
				     "--isolation userns-single");
	}
	return userns_check(NULL, e);
}

int
tier_choose(enum tier wanted, enum tier *tier, struct error *why, struct error *e)
{
	struct error lacking = ERROR_INIT;

	*tier = wanted;
	switch (wanted) {
	case TIER_AUTO:
		*tier = check_range(&lacking) == 0 ? TIER_USERNS : TIER_USERNS_SINGLE;
		if (why)
			*why = lacking;
		return 0;
	case TIER_USERNS:
		return check_range(e);
	case TIER_USERNS_SINGLE:
	case TIER_NONE:
		return 0;
	case TIER_CHROOT:
		error_set(e, ERR_HOST, "the isolation 'chroot' is not built yet");
		return error_hint(e, "--isolation userns-single needs nothing but user namespaces");
	}
	return 0;
}

int
tier_enter(enum tier tier, struct userns *u, struct error *e)
{
	struct userns_options options = { .own_id_only = tier == TIER_USERNS_SINGLE };

	assert(tier == TIER_USERNS || tier == TIER_USERNS_SINGLE);
	return userns_enter(&options, u, e);
}
