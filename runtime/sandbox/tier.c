/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tier - how far a build's commands can be kept apart here, from most to least.
 */
#include "runtime/sandbox/tier.h"

#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/chroot.h"
#include "runtime/sandbox/diagnose.h"
#include "runtime/sandbox/emulate.h"
#include "seccomp/owner.h"

#include <assert.h>
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
	[TIER_AUTO] = "auto",
	[TIER_USERNS] = "userns",
	[TIER_USERNS_SINGLE] = "userns-single",
	[TIER_CHROOT] = "chroot",
	[TIER_EMULATE] = "emulate",
	[TIER_NONE] = "none",
};

const char *
tier_name(enum tier tier)
{
	return names[tier];
}

bool
tier_mounts(enum tier tier)
{
	return tier != TIER_CHROOT && tier != TIER_EMULATE;
}

bool
tier_records(enum tier tier)
{
	return tier == TIER_USERNS_SINGLE || tier == TIER_EMULATE;
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

static int
namespace_main(void *arg, struct buf *result, struct error *e)
{
	(void)arg;    /* nothing to be told */
	(void)result; /* nothing to tell */
	return chroot_unshare_user() < 0 ? userns_explain(errno, e) : 0;
}

/* Tried in a child, which is left as it becomes. */
static int
check_namespaces(struct error *e)
{
	struct worker w;

	return worker_start(&w, namespace_main, NULL, e) < 0 ? -1 : worker_finish(&w, NULL, e);
}

/* A root that lacks rights, and whoever is under a filter, is in a container, most likely in one that may make no namespaces. */
static bool
is_doubtful(enum tier tier)
{
	return tier == TIER_USERNS_SINGLE || diagnose_status("Seccomp") == 2 ||
	       (geteuid() == 0 && !userns_is_root());
}

static bool
has_chroot(void)
{
	/* with one id alone there are no other owners, and nobody to record them */
	return geteuid() == 0 && diagnose_status("CapEff") >= 0 && !owner_is_recorded() &&
	       (diagnose_status("CapEff") & 1LL << CAP_SYS_CHROOT) != 0;
}

static int
check_emulate(struct error *e)
{
	if (geteuid() != 0)
		return emulate_check(e);
	error_set(e, ERR_HOST, "the isolation 'emulate' is for an ordinary user, not for root");
	return error_hint(e, "--isolation chroot, or run croze as another user");
}

int
tier_choose(enum tier wanted, enum tier *tier, struct error *why, struct error *e)
{
	struct error lacking = ERROR_INIT, ignored = ERROR_INIT;

	*tier = wanted;
	switch (wanted) {
	case TIER_AUTO:
		if (check_range(&lacking) == 0)
			*tier = TIER_USERNS;
		else
			*tier = TIER_USERNS_SINGLE;
		if (is_doubtful(*tier) && check_namespaces(&lacking) < 0)
			*tier = has_chroot()                                     ? TIER_CHROOT
			        : geteuid() != 0 && emulate_check(&ignored) == 0 ? TIER_EMULATE
			                                                         : TIER_NONE;
		if (why)
			*why = lacking;
		return 0;
	case TIER_USERNS:
		return check_range(e);
	case TIER_USERNS_SINGLE:
	case TIER_NONE:
		return 0;
	case TIER_EMULATE:
		return check_emulate(e);
	case TIER_CHROOT:
		if (has_chroot())
			return 0;
		error_set(e, ERR_HOST,
		    "the isolation 'chroot' is for root with CAP_SYS_CHROOT and a range of ids");
		return error_hint(e,
		    "--isolation userns-single needs nothing but user namespaces; in a "
		    "container: run as root, docker: --cap-add SYS_CHROOT");
	}
	return 0;
}

int
tier_enter(enum tier tier, struct userns *u, struct error *e)
{
	struct userns_options options = { .own_id_only = tier == TIER_USERNS_SINGLE };

	assert(tier != TIER_AUTO && tier != TIER_NONE);
	if (tier == TIER_CHROOT)
		return userns_stay(u, e);
	if (tier == TIER_EMULATE)
		return userns_pretend(u);
	return userns_enter(&options, u, e);
}
