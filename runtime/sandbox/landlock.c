/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - takes away from the calling process what its task does not need.
 *
 * Rights that a kernel's ABI does not know yet are left out of the request (landlock(7), "Compatibility"); their numbers are
 * spelled here because headers are often older than the kernel.
 */
#include "runtime/sandbox/landlock.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REFER (1ULL << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ULL << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define FS_ABI_1 ((1ULL << 13) - 1)

#define NET_ABI 4
#define NET_ALL 3ULL /* bind and connect by TCP */
#define NET_BIND 1ULL
#define SCOPE_ABI 6
#define SCOPE_ALL 3ULL /* abstract sockets, signals */

/* As the newest kernels have it; older ones are given fewer bytes. */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

int
landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : (int)abi;
}

static uint64_t
known_rights(int abi)
{
	uint64_t rights = FS_ABI_1;

	if (abi >= 2)
		rights |= FS_REFER;
	if (abi >= 3)
		rights |= FS_TRUNCATE;
	if (abi >= 5)
		rights |= FS_IOCTL_DEV;
	return rights;
}

static int
add_rule(int ruleset, const struct landlock_rule *rule, uint64_t known, struct error *e)
{
	struct landlock_path_beneath_attr a = { .parent_fd = rule->fd };
	uint64_t rights = FS_READ_FILE | FS_READ_DIR;
	struct stat st;

	if (rule->access == LANDLOCK_EXECUTE)
		rights |= FS_EXECUTE;
	if (rule->access == LANDLOCK_WRITE)
		rights = known & ~(FS_EXECUTE | FS_IOCTL_DEV);
	if (rule->access == LANDLOCK_ALL)
		rights = known;
	if (fstat(rule->fd, &st) < 0)
		return error_sys(e, "cannot look at a folder for Landlock");
	if (!S_ISDIR(st.st_mode))
		rights &= FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE | FS_EXECUTE | FS_IOCTL_DEV;
	a.allowed_access = rights & known;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &a, 0) < 0)
		return error_sys(e, "cannot add a Landlock rule");
	return 0;
}

static int
restrict_to(const struct landlock_rule *rules, size_t n_rules, uint64_t net, struct error *e)
{
	int abi = landlock_abi();
	uint64_t known = known_rights(abi);
	struct ruleset r = { .fs = known, .net = net, .scoped = SCOPE_ALL };
	size_t size = abi >= SCOPE_ABI ? sizeof(r)
	              : abi >= NET_ABI ? 2 * sizeof(uint64_t)
	                               : sizeof(uint64_t);
	autofd int ruleset = -1;

	if (abi == 0)
		return 1;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (ruleset < 0)
		return error_sys(e, "cannot make a Landlock ruleset");
	for (size_t i = 0; i < n_rules; i++)
		if (add_rule(ruleset, &rules[i], known, e) < 0)
			return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_sys(e, "cannot put Landlock in force");
	return 0;
}

int
landlock_restrict(const struct landlock_rule *rules, size_t n_rules, struct error *e)
{
	return restrict_to(rules, n_rules, NET_ALL, e);
}

int
landlock_restrict_files(const struct landlock_rule *rules, size_t n_rules, struct error *e)
{
	return restrict_to(rules, n_rules, 0, e);
}

int
landlock_restrict_client(const struct landlock_rule *rules, size_t n_rules, struct error *e)
{
	return restrict_to(rules, n_rules, NET_BIND, e);
}

bool
landlock_knows_tcp(void)
{
	return landlock_abi() >= NET_ABI;
}

bool
landlock_scopes(void)
{
	return landlock_abi() >= SCOPE_ABI;
}

int
landlock_forbid_tcp(struct error *e)
{
	struct ruleset r = { .net = NET_ALL };
	autofd int ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, 2 * sizeof(uint64_t), 0);

	if (ruleset < 0)
		return error_sys(e, "cannot make a Landlock ruleset");
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_sys(e, "cannot put Landlock in force");
	return 0;
}

static int
add_paths(
    int ruleset, char *const *paths, enum landlock_access access, uint64_t known, struct error *e)
{
	for (; *paths; paths++) {
		autofd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		autofd int fd =
		    root < 0 ? -1 : path_try_open(root, *paths, O_PATH, 0, PATH_IN_ROOT);
		struct landlock_rule rule = { .fd = fd, .access = access };

		if (fd < 0) {
			error_sys(e, "annotation 'org.croze.landlock': cannot open '%s'", *paths);
			e->kind = ERR_HOST;
			return -1;
		}
		if (add_rule(ruleset, &rule, known, e) < 0)
			return error_ctx(e, "'%s'", *paths);
	}
	return 0;
}

int
landlock_apply(const struct landlock_profile *p, struct error *e)
{
	int abi = landlock_abi();
	uint64_t known = known_rights(abi);
	struct ruleset r = {
		.fs = known, .net = p->no_tcp ? NET_ALL : 0, .scoped = p->scoped ? SCOPE_ALL : 0
	};
	size_t size = p->scoped ? sizeof(r) : p->no_tcp ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
	autofd int ruleset = -1;

	if (abi == 0 || (p->no_tcp && abi < NET_ABI) || (p->scoped && abi < SCOPE_ABI))
		return error_set(e, ERR_HOST, "annotation 'org.croze.landlock': this kernel %s",
		    abi == 0    ? "has no Landlock"
		    : p->scoped ? "cannot restrict signals and sockets ('scoped')"
				: "cannot restrict TCP ('noTcp')");
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
	if (ruleset < 0)
		return error_sys(e, "cannot make a Landlock ruleset");
	if (add_paths(ruleset, p->read, LANDLOCK_READ, known, e) < 0 ||
	    add_paths(ruleset, p->execute, LANDLOCK_EXECUTE, known, e) < 0 ||
	    add_paths(ruleset, p->write, LANDLOCK_WRITE, known, e) < 0)
		return -1;
	if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		return error_sys(e, "cannot put Landlock in force");
	return 0;
}
