/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inside - a command of this machine in the network that a build step has.
 *
 *	inside [--allow HOST[:PORT]]... [--record] [--chroot] [--bare | --emulate | --none] -- COMMAND [ARGUMENT...]
 *
 * Files and processes stay those of the machine, so that any client that is installed can be tried, without an image. --record prints
 * what was reached, as JSON, to the error stream; --bare leaves the network as it is, for comparison; --emulate is that of the tier emulate,
 * --none too, without an outside; --chroot is that of the tier chroot, with the capabilities that engines leave to root. The exit status is the command's; 99 when the network could not be made.
 */
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/jail_net.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/userns.h"
#include "seccomp/profile.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RULES_MAX 16
#define FAILED 99

static int
fail(const struct error *e)
{
	fprintf(stderr, "inside: %s\n", e->text);
	return FAILED;
}

/* The name server of the step, in a mount namespace of the command's own. */
static int
put_resolver(const char *resolver)
{
	char path[] = "/tmp/inside.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || dprintf(fd, "nameserver %s\n", resolver) < 0 || fchmod(fd, 0644) < 0 ||
	    unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) < 0) {
		perror("inside: resolv.conf");
		return -1;
	}
	(void)unlink(path);
	return close(fd);
}

static _Noreturn void
command_main(const struct netns *n, char **argv)
{
	struct error e = ERROR_INIT;

	if (setns(n->fd, CLONE_NEWNET) < 0 || put_resolver(n->resolver) < 0)
		_exit(FAILED);
	if (n->egress.answers && egress_join(&n->egress, 1, EGRESS_NETWORK, &e) < 0)
		_exit(fail(&e));
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

static void
print_record(const struct netns *n)
{
	struct error e = ERROR_INIT;
	auto(buf) struct buf text = { 0 };
	autojson struct json *done = egress_take(&n->egress, 1, &e);

	json_write(json_get(done, "reached"), 0, &text);
	fprintf(stderr, "reached: %s\n", buf_text(&text));
}

/* Those that container engines leave to root by default: none by which it could look into others' processes. */
static int
drop_capabilities(void)
{
	static const int kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FSETID, CAP_FOWNER, CAP_MKNOD,
		CAP_NET_RAW, CAP_SETGID, CAP_SETUID, CAP_SETFCAP, CAP_SETPCAP, CAP_NET_BIND_SERVICE,
		CAP_SYS_CHROOT, CAP_KILL, CAP_AUDIT_WRITE };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t mask = 0;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		mask |= 1ULL << kept[i];
	for (int i = 0; i < 64; i++)
		if (!(mask >> i & 1))
			(void)prctl(PR_CAPBSET_DROP, i, 0, 0, 0); /* there are not so many */
	data[0].effective = data[0].permitted = (uint32_t)mask;
	data[1].effective = data[1].permitted = (uint32_t)(mask >> 32);
	return (int)syscall(SYS_capset, &header, data);
}

/* As root of a container does; croze's own process outside stays as it is. */
static int
become_confined(const struct netns *n, struct userns *u, struct container_spec *spec)
{
	struct error e = ERROR_INIT;

	if ((n->resolver && put_resolver(n->resolver) < 0) || drop_capabilities() < 0)
		return FAILED;
	if (userns_stay(u, &e) < 0 || jail_net_check(&e) < 0)
		return fail(&e);
	/* of the mount namespace that there is now */
	(void)close(spec->rootfs);
	spec->rootfs = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	spec->emulate = false;
	spec->chroot = true;
	spec->no_new_privs = true;
	caps_set_mask(&spec->caps, UINT64_MAX);
	spec->seccomp = seccomp_default();
	spec->egress_asks = n->egress.pid ? EGRESS_NETWORK | EGRESS_REFUSED : 0;
	spec->n_extra_mounts = 0;
	return 0;
}

/* The command in the machine's own tree, under emulation or in a chroot. */
static int
run_in_place(const struct netns *n, char **argv, bool record, bool chrooted)
{
	char scratch[] = "/tmp/inside.XXXXXX", path[64];
	struct container_mount resolver = { .kind = CONTAINER_MOUNT_BIND,
		.target = "/etc/resolv.conf" };
	struct userns u = { 0 };
	struct container_spec spec;
	struct container c;
	struct error e = ERROR_INIT;
	int status = 0, text;

	container_spec_init(&spec);
	if (!mkdtemp(scratch))
		return FAILED;
	spec.userns = &u;
	spec.rootfs = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	spec.scratch = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	spec.argv = argv;
	spec.envp = environ;
	spec.emulate = true;
	spec.in = 0;
	spec.out = 1;
	spec.err = 2;
	spec.network = n->egress.pid ? CONTAINER_NETWORK_JOIN : CONTAINER_NETWORK_NEW;
	spec.egress = n->egress.pid ? &n->egress : NULL;
	spec.egress_number = 1;
	(void)snprintf(path, sizeof(path), "%s/resolv.conf", scratch);
	text = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (n->resolver)
		dprintf(text, "nameserver %s\n", n->resolver);
	resolver.source = open(path, O_PATH | O_CLOEXEC);
	spec.extra_mounts = &resolver;
	spec.n_extra_mounts = 1;
	if (chrooted && become_confined(n, &u, &spec) != 0)
		return FAILED;
	if (container_start(&spec, &c, &e) < 0)
		return fail(&e);
	(void)waitpid(c.pid, &status, 0);
	(void)container_finish(&c, &e);
	if (record)
		print_record(n);
	(void)unlink(path);
	(void)rmdir(scratch);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int
run(const struct netns *n, char **argv, bool record)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		command_main(n, argv);
	(void)waitpid(pid, &status, 0);
	if (record)
		print_record(n);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	struct egress_rule rules[RULES_MAX];
	struct netns_options options = { .mode = NETNS_DEFAULT, .rules = rules };
	struct netns n = NETNS_INIT;
	struct userns u;
	struct error e = ERROR_INIT;
	bool record = false, bare = false, none = false, chrooted = false;
	int at = 1, result;

	for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
		if (strcmp(argv[at], "--record") == 0)
			record = true;
		else if (strcmp(argv[at], "--bare") == 0)
			bare = true;
		else if (strcmp(argv[at], "--emulate") == 0)
			options.in_place = true;
		else if (strcmp(argv[at], "--chroot") == 0)
			options.in_place = chrooted = true;
		else if (strcmp(argv[at], "--none") == 0)
			options.in_place = none = true;
		else if (strcmp(argv[at], "--allow") != 0 || ++at >= argc ||
			 options.n_rules == RULES_MAX ||
			 egress_rule_parse(argv[at], &rules[options.n_rules++], &e) < 0)
			return fail(&e);
	}
	if (at + 1 >= argc)
		return fail(&e);
	if (bare) {
		execvp(argv[at + 1], argv + at + 1);
		return 127;
	}
	if (none)
		options.mode = NETNS_NONE;
	if ((!options.in_place && userns_enter(NULL, &u, &e) < 0) ||
	    netns_open(&options, &n, &e) < 0)
		return fail(&e);
	if (!n.outside && !none) {
		fprintf(stderr, "inside: %s\n", n.reason);
		return FAILED;
	}
	result = options.in_place ? run_in_place(&n, argv + at + 1, record, chrooted)
	                          : run(&n, argv + at + 1, record);
	netns_close(&n);
	return result;
}
