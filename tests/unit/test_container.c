/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_container - namespaces, overlay and containers, seen from inside by a static busybox.
 *
 * Each test works in a child, which enters the namespaces. Without a static busybox, or where the host refuses user namespaces, the
 * tests skip and say why.
 */
#include "tests/unit/unit.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/sandbox/container.h"
#include "runtime/sandbox/mount.h"
#include "runtime/sandbox/netns.h"
#include "runtime/sandbox/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX 65536

static char base[] = "/tmp/croze-test-container-XXXXXX";
static const char *unusable; /* why nothing can be tested here */

/* What a test does inside; the spec has a writable overlay of the busybox rootfs. */
struct scene {
	const char *script; /* for sh -c, unless @prepare sets argv */
	int (*prepare)(struct container_spec *s, struct error *e);
	int (*prepare_root)(int lower, struct error *e); /* changes to the image before */
	int (*after)(int tree, int upper, struct buf *result, struct error *e);
};

static int
make_rootfs(const char *path)
{
	static const char *const applets[] = { "sh", "ls", "cat", "id", "grep", "mount", "ps",
		"stat", "mkdir", "rm", "ln", "sleep", "hostname", "touch", "echo", "tty", "chown",
		"su", "wc", "sort", "readlink", "test", "umount", "cut", "kill", "true", "rmdir",
		"mv", "awk", "ulimit", "pwd", "env" };
	autofree char *command =
	    xasprintf("mkdir -p %s/bin %s/etc %s/tmp %s/root && cp /bin/busybox %s/bin/busybox",
		path, path, path, path, path);
	autofree char *bin = xasprintf("%s/bin", path);
	autofd int dir = -1;

	if (system(command) != 0)
		return -1;
	dir = open(bin, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++)
		if (symlinkat("busybox", dir, applets[i]) < 0)
			return -1;
	return 0;
}

static int
set_up(void **state)
{
	struct error e = ERROR_INIT;
	autofree char *root = NULL;

	(void)state;
	if (access("/bin/busybox", X_OK) < 0)
		unusable = "there is no /bin/busybox";
	else if (system("ldd /bin/busybox >/dev/null 2>&1") == 0)
		unusable = "/bin/busybox is not static";
	else if (userns_check(NULL, &e) < 0)
		unusable = xstrdup(e.text);
	if (unusable) {
		fprintf(stderr, "# skipped: %s\n", unusable);
		return 0;
	}
	if (!mkdtemp(base) || chmod(base, 0755) < 0)
		return -1;
	root = xasprintf("%s/image", base);
	return make_rootfs(root);
}

/* Files of mapped ids can only be removed where those are mapped. */
static int
remove_main(void *arg, struct buf *result, struct error *e)
{
	autofd int tmp = -1;
	struct userns u;

	(void)arg;    /* the folder is known */
	(void)result; /* success has nothing to say */
	if (userns_enter(NULL, &u, e) < 0)
		return -1;
	tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return path_remove_tree(tmp, path_base(base), e);
}

static int
tear_down(void **state)
{
	struct error e = ERROR_INIT;
	struct worker w;

	(void)state;
	if (unusable)
		return 0;
	if (worker_start(&w, remove_main, NULL, &e) == 0 && worker_finish(&w, NULL, &e) == 0)
		return 0;
	fprintf(stderr, "# %s\n", e.text);
	return -1;
}

static int
open_below(const char *name)
{
	autofree char *path = xasprintf("%s/%s", base, name);

	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The output and "status N" of a script in a container. */
static int
run_spec(struct container_spec *spec, struct buf *result, int tree, int upper,
    const struct scene *scene, struct error *e)
{
	struct container c;
	int ends[2], status;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_sys(e, "pipe");
	spec->out = ends[1];
	spec->err = ends[1];
	if (container_start(spec, &c, e) < 0)
		return -1;
	(void)close(ends[1]);
	if (spec->terminal) {
		char bytes[4096];
		ssize_t n;

		while ((n = read(c.console, bytes, sizeof(bytes))) > 0)
			buf_add(result, bytes, (size_t)n);
	} else if (fd_read_all(ends[0], result, OUTPUT_MAX, "output", e) < 0) {
		return -1;
	}
	if (container_wait(&c, &status, e) < 0 || container_finish(&c, e) < 0)
		return -1;
	buf_printf(result, "status %d\n",
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return scene->after ? scene->after(tree, upper, result, e) : 0;
}

static int
play_main(void *arg, struct buf *result, struct error *e)
{
	const struct scene *scene = arg;
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
		xstrdup(scene->script ? scene->script : ""), NULL };
	char *const envp[] = { (char[]){ "PATH=/bin" }, (char[]){ "HOME=/root" }, NULL };
	struct container_spec spec;
	struct userns u;
	char name[] = "upper-XXXXXX";
	autofree char *path = NULL;
	int image, upper, work, tree;

	if (userns_enter(NULL, &u, e) < 0)
		return -1;
	path = xasprintf("%s/%s", base, name);
	if (!mkdtemp(path))
		return error_sys(e, "mkdtemp");
	image = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(image, "fs", 0755) < 0 || mkdirat(image, "work", 0755) < 0)
		return error_sys(e, "mkdir");
	upper = openat(image, "fs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	work = openat(image, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	image = open_below("image");
	tree = overlay_mount(&(struct overlay_spec){ &image, 1, upper, work }, e);
	if (tree < 0 || (scene->prepare_root && scene->prepare_root(tree, e) < 0))
		return -1;
	container_spec_init(&spec);
	spec.userns = &u;
	spec.rootfs = tree;
	spec.argv = argv;
	spec.envp = envp;
	if (scene->prepare && scene->prepare(&spec, e) < 0)
		return -1;
	return run_spec(&spec, result, tree, upper, scene, e);
}

static int
play(const struct scene *scene, struct buf *result, struct error *e)
{
	struct scene copy = *scene;
	struct worker w;

	if (unusable)
		skip_because(unusable);
	if (worker_start(&w, play_main, &copy, e) < 0)
		return -1;
	return worker_finish(&w, result, e);
}

static void
expect(const struct scene *scene, const char *text)
{
	auto(buf) struct buf result = { 0 };
	struct error e = ERROR_INIT;

	assert_ok(play(scene, &result, &e), &e);
	assert_string_equal(buf_text(&result), text);
}

static void
the_command_is_pid_1_and_root_with_fourteen_capabilities(void **state)
{
	(void)state;
	expect(
	    &(struct scene){
		.script = "echo $$; id -u; id -g; grep -E 'Cap|NoNew|Seccomp:' /proc/self/status" },
	    "1\n0\n0\nCapInh:\t0000000000000000\nCapPrm:\t00000000a80425fb\nCapEff:"
	    "\t00000000a80425fb\n"
	    "CapBnd:\t00000000a80425fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:"
	    "\t2\nstatus 0\n");
}

static void
r31_only_its_own_processes_and_descriptors_are_there(void **state)
{
	(void)state;
	/* the shell and ls are there; of the descriptors, 3 is the folder that ls reads */
	expect(&(struct scene){ .script = "p=$(ls /proc); echo \"$p\" | grep -c '^[0-9]*$'\n"
					  "exec ls /proc/self/fd" },
	    "2\n0\n1\n2\n3\nstatus 0\n");
}

static void
exit_status_and_signals_come_back(void **state)
{
	(void)state;
	expect(&(struct scene){ .script = "exit 42" }, "status 42\n");
	/* the kernel keeps signals from a pid 1 that has no handler, so the shell's child is asked */
	expect(&(struct scene){ .script = "sh -c 'kill -9 $$'; exit $?" }, "Killed\nstatus 137\n");
}

static void
r29_what_runs_in_the_background_ends_with_the_command(void **state)
{
	(void)state;
	expect(&(struct scene){ .script = "(sleep 1000 &) ; echo out" }, "out\nstatus 0\n");
}

static void
proc_and_sys_are_masked_and_protected(void **state)
{
	(void)state;
	expect(
	    &(struct scene){ .script =
				 "echo x 2>/dev/null >/proc/sys/kernel/domainname || echo refused\n"
				 "(echo b > /proc/sysrq-trigger) 2>/dev/null || echo refused\n"
				 "cat /proc/kallsyms /proc/interrupts /proc/keys /proc/timer_list "
				 "2>/dev/null | wc -c\n"
				 "ls /sys/fs/cgroup /sys/firmware /proc/acpi 2>/dev/null | grep -v "
				 ": | grep -c .\n"
				 "mkdir /sys/x 2>/dev/null || echo refused" },
	    "refused\nrefused\n0\n0\nrefused\nstatus 0\n");
}

static void
dev_has_the_usual_nodes_and_nothing_of_the_host(void **state)
{
	(void)state;
	expect(&(struct scene){ .script = "ls /dev; echo gone > /dev/null; stat -c %a /dev/shm; "
					  "cat < /dev/null; echo $(ls /dev/pts)" },
	    "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nuran"
	    "dom\nzero\n1777\nptmx\nstatus 0\n");
}

static int
as_user(struct container_spec *s, struct error *e)
{
	static const gid_t groups[] = { 1001, 10 };

	(void)e; /* nothing can fail */
	s->uid = 1000;
	s->gid = 1001;
	s->groups = groups;
	s->n_groups = 2;
	return 0;
}

static void
a_user_has_its_groups_and_no_capabilities(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = as_user,
		   .script = "id -u; id -g; id -G; grep -E 'CapEff|CapPrm|CapBnd' "
			     "/proc/self/status; echo x > /dev/stdout" },
	    "1000\n1001\n1001 10\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
	    "CapBnd:\t00000000a80425fb\nx\nstatus 0\n");
}

static int
run_program(struct container_spec *s, const char *program)
{
	char **argv = xcalloc(2, sizeof(*argv));

	argv[0] = xstrdup(program);
	s->argv = argv;
	return 0;
}

static int
missing_program(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	return run_program(s, "/bin/none");
}

static int
missing_in_path(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	return run_program(s, "none");
}

static int
a_folder_as_program(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	return run_program(s, "/etc");
}

static int
dynamic_program(int tree, struct error *e)
{
	autofd int from = open("/bin/true", O_RDONLY | O_CLOEXEC);
	autofd int to = openat(tree, "bin/none", O_CREAT | O_WRONLY | O_CLOEXEC, 0755);

	return fd_copy(from, to, UINT64_MAX, NULL, e);
}

static void
a_command_that_cannot_be_executed_is_named(void **state)
{
	static const struct {
		struct scene scene;
		int status;
		const char *text;
	} cases[] = {
		{ { .prepare = missing_program }, 127,
		    "cannot execute '/bin/none': No such file or directory" },
		{ { .prepare = missing_in_path }, 127,
		    "cannot execute 'none': No such file or directory" },
		{ { .prepare = a_folder_as_program }, 126,
		    "cannot execute '/etc': Permission denied" },
		{ { .prepare = missing_program, .prepare_root = dynamic_program }, 127,
		    "cannot execute '/bin/none', which needs '/lib64/ld-linux-x86-64.so.2': No "
		    "such file or directory" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto(buf) struct buf result = { 0 };
		struct error e = ERROR_INIT;

		assert_int_equal(play(&cases[i].scene, &result, &e), -1);
		assert_string_equal(e.text, cases[i].text);
		assert_int_equal(e.kind, ERR_STEP);
		assert_int_equal(container_exec_status(&e), cases[i].status);
	}
}

static int
cwd_to_descriptor(struct container_spec *s, struct error *e)
{
	static int n = 2;
	static char path[32];

	(void)e; /* nothing can fail */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ++n);
	s->cwd = path;
	s->make_cwd = true;
	return 0;
}

static void
r1_a_working_directory_behind_a_descriptor_is_refused(void **state)
{
	(void)state;
	for (int i = 3; i < 16; i++) {
		auto(buf) struct buf result = { 0 };
		struct error e = ERROR_INIT;

		assert_int_equal(
		    play(&(struct scene){ .prepare = cwd_to_descriptor, .script = "pwd" }, &result,
			&e),
		    -1);
		assert_int_equal(e.kind, ERR_STEP);
	}
}

static int
new_cwd(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	s->cwd = "/a/b";
	s->make_cwd = true;
	s->uid = 1000;
	s->gid = 1000;
	return 0;
}

static void
a_working_directory_is_made_when_asked_for(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = new_cwd, .script = "pwd; stat -c '%u:%g %a' ." },
	    "/a/b\n1000:1000 755\nstatus 0\n");
}

/* All that the upper directory holds, and the image's time stamps. */
static int
list_upper(int tree, int upper, struct buf *result, struct error *e)
{
	static const char *const names[] = { "dev", "etc", "proc", "run", "sys", "tmp", "var" };
	struct stat etc;

	(void)e; /* nothing can fail */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (faccessat(upper, names[i], F_OK, 0) == 0)
			buf_printf(result, "upper %s\n", names[i]);
	if (fstatat(tree, "etc", &etc, 0) == 0)
		buf_printf(result, "etc %lld\n", (long long)etc.st_mtim.tv_sec);
	return 0;
}

static int
age_etc(int tree, struct error *e)
{
	const struct timespec times[2] = { { 1000000000, 0 }, { 1000000000, 0 } };

	return utimensat(tree, "etc", times, 0) < 0 ? error_sys(e, "utimensat") : 0;
}

static int
with_resolv_conf(struct container_spec *s, struct error *e)
{
	static struct container_mount mounts[2];

	mounts[0] = (struct container_mount){ .kind = CONTAINER_MOUNT_BIND,
		.target = "/etc/resolv.conf",
		.source = open("/etc/resolv.conf", O_PATH | O_CLOEXEC),
		.flags = CONTAINER_MOUNT_READ_ONLY };
	mounts[1] = (struct container_mount){ .kind = CONTAINER_MOUNT_TMPFS,
		.target = "/var/cache/x",
		.source = -1,
		.size = 1 << 20 };
	s->extra_mounts = mounts;
	s->n_extra_mounts = 2;
	return mounts[0].source < 0 ? error_sys(e, "/etc/resolv.conf") : 0;
}

static void
t39_mount_points_leave_nothing_behind(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = with_resolv_conf,
		   .prepare_root = age_etc,
		   .after = list_upper,
		   .script = "test -s /etc/resolv.conf && (echo x > /etc/resolv.conf) 2>/dev/null "
			     "|| echo read-only\n"
			     "touch /var/cache/x/y && echo written" },
	    "read-only\nwritten\nstatus 0\nupper etc\netc 1000000000\n");
}

static void
t39_what_a_step_writes_beside_a_mount_point_stays(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = with_resolv_conf,
		   .after = list_upper,
		   .script = "touch /var/cache/kept; touch -d @1500000000 /etc" },
	    "status 0\nupper etc\nupper var\netc 1500000000\n");
}

static int
dev_is_a_link(int tree, struct error *e)
{
	static const char *const names[] = { "dev", "proc", "sys" };

	for (int i = 0; i < 3; i++)
		if (symlinkat("/tmp/../../../../../../tmp/outside", tree, names[i]) < 0)
			return error_sys(e, "symlink");
	if (unlinkat(tree, "etc", AT_REMOVEDIR) < 0 ||
	    symlinkat("/../../../tmp/etc", tree, "etc") < 0)
		return error_sys(e, "etc");
	return 0;
}

static int
check_outside(int tree, int upper, struct buf *result, struct error *e)
{
	(void)tree; /* all of interest is outside */
	(void)upper;
	(void)e; /* nothing can fail */
	buf_add_text(result, access("/tmp/outside", F_OK) == 0 || access("/tmp/etc", F_OK) == 0
				 ? "escaped\n"
				 : "confined\n");
	return 0;
}

static void
r7_r8_links_in_place_of_mount_points_stay_inside(void **state)
{
	auto(buf) struct buf result = { 0 };
	struct error e = ERROR_INIT;

	(void)state;
	/* all three lead to one folder; the last mount covers the others, which is the image's own fault */
	if (play(&(struct scene){ .prepare = with_resolv_conf,
		     .prepare_root = dev_is_a_link,
		     .after = check_outside,
		     .script = "true" },
		&result, &e) == 0)
		assert_non_null(strstr(buf_text(&result), "confined"));
	assert_int_equal(access("/tmp/outside", F_OK), -1);
	assert_int_equal(access("/tmp/etc", F_OK), -1);
}

static void
m4_a_mount_point_that_became_a_link_is_left_alone(void **state)
{
	(void)state;
	expect(
	    &(struct scene){ .prepare = with_resolv_conf,
		.after = list_upper,
		.script = "umount /var/cache/x 2>/dev/null; mv /var/cache /tmp/moved 2>/dev/null; "
			  "ln -s /etc /var/cache 2>/dev/null; touch -d @1400000000 /etc; echo" },
	    "\nstatus 0\nupper etc\nupper tmp\nupper var\netc 1400000000\n");
}

static int
on_a_terminal(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	s->terminal = true;
	s->rows = 30;
	s->columns = 90;
	return 0;
}

static void
r5_a_terminal_is_the_containers_own(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = on_a_terminal,
		   .script = "tty; echo x > /dev/console; test -t 0 && echo yes" },
	    "/dev/pts/0\r\nx\r\nyes\r\nstatus 0\n");
}

static int
with_kit(struct container_spec *s, struct error *e)
{
	static struct container_kit kit = CONTAINER_KIT_INIT;

	(void)e; /* nothing can fail */
	container_kit_prepare(&kit);
	s->kit = &kit;
	return 0;
}

static void
what_was_made_ahead_is_the_same_as_what_is_made_at_the_start(void **state)
{
	static const char script[] =
	    "cut -d' ' -f5- /proc/self/mountinfo | sort; ls -l /dev /dev/pts /sys | grep -v total";
	auto(buf) struct buf now = { 0 };
	auto(buf) struct buf ahead = { 0 };
	struct error e = ERROR_INIT;
	char *cut;

	(void)state;
	assert_ok(play(&(struct scene){ .script = script }, &now, &e), &e);
	assert_ok(play(&(struct scene){ .script = script, .prepare = with_kit }, &ahead, &e), &e);
	/* the root differs by its upper directory, times by the minute */
	cut = strstr(buf_text(&now), "/dev ");
	assert_non_null(cut);
	assert_non_null(strstr(buf_text(&ahead), "/dev/pts "));
	assert_non_null(strstr(buf_text(&ahead), "/dev/shm "));
	assert_non_null(strstr(buf_text(&ahead), "/sys/fs/cgroup ro"));
	expect(&(struct scene){ .prepare = with_kit,
		   .script = "ls /dev | wc -l; echo gone > /dev/null; ls /sys/fs/cgroup "
			     "/sys/firmware | grep -v : | grep -c .; mkdir /sys/x 2>/dev/null || "
			     "echo refused; touch /dev/x && stat -c %u /dev/x" },
	    "15\n0\nrefused\n0\nstatus 0\n");
}

static int
read_only_root(struct container_spec *s, struct error *e)
{
	(void)e; /* nothing can fail */
	s->read_only = true;
	return 0;
}

static void
a_read_only_rootfs_takes_no_write(void **state)
{
	(void)state;
	expect(&(struct scene){ .prepare = read_only_root,
		   .script = "touch /x 2>/dev/null || echo refused; touch /dev/shm/x" },
	    "refused\nstatus 0\n");
}

/* "/.." of a root directory is what is mounted on it: the host's root, when that was not let go of. */
static void
nothing_of_the_host_is_mounted_over_the_root(void **state)
{
	const char *script = "cd /..; ls -d usr home 2>/dev/null; "
			     "cut -d' ' -f5 /proc/self/mountinfo | grep -cx /";

	(void)state;
	expect(&(struct scene){ .prepare = read_only_root, .script = script }, "1\nstatus 0\n");
	expect(&(struct scene){ .script = script }, "1\nstatus 0\n");
}

static int
joined_network(struct container_spec *s, struct error *e)
{
	static struct netns n;

	if (netns_open(&(struct netns_options){ .mode = NETNS_NONE }, &n, e) < 0)
		return -1;
	s->network = CONTAINER_NETWORK_JOIN;
	s->netns = n.fd;
	return 0;
}

static void
n2_a_joined_network_has_lo_and_no_sockets_of_the_host(void **state)
{
	(void)state;
	expect(
	    &(struct scene){ .prepare = joined_network,
		.script =
		    "echo $$; cut -d: -f1 /proc/net/dev | grep -c lo; grep -c @ /proc/net/unix" },
	    "1\n1\n0\nstatus 1\n");
}

static int
core_limit(struct container_spec *s, struct error *e)
{
	static const struct container_rlimit limits[] = { { RLIMIT_NOFILE, { 100, 200 } } };

	(void)e; /* nothing can fail */
	s->rlimits = limits;
	s->n_rlimits = 1;
	return 0;
}

static void
r34_limits_are_set_and_core_dumps_are_off(void **state)
{
	(void)state;
	expect(
	    &(struct scene){ .prepare = core_limit, .script = "ulimit -c; ulimit -n; ulimit -Hn" },
	    "0\n100\n200\nstatus 0\n");
}

static void
refused_calls_are_refused(void **state)
{
	(void)state;
	expect(&(struct scene){ .script = "mount -t tmpfs x /tmp 2>/dev/null || echo mount; umount "
					  "/proc 2>/dev/null || echo umount" },
	    "mount\numount\nstatus 0\n");
}

/* Many layers, each way of naming them. */
static int
stack_main(void *arg, struct buf *result, struct error *e)
{
	const enum overlay_api *api = arg;
	int lowers[300];
	struct userns u;
	int tree;

	if (userns_enter(NULL, &u, e) < 0)
		return -1;
	overlay_force_api(*api);
	for (int i = 0; i < 300; i++) {
		autofree char *path = xasprintf("%s/layer-%d-%d", base, (int)*api, i);
		autofree char *file = xasprintf("%s/%d", path, i);

		if (mkdir(path, 0755) < 0 || mkdir(file, 0755) < 0)
			return error_sys(e, "mkdir");
		lowers[i] = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	tree = overlay_mount(&(struct overlay_spec){ lowers, 300, -1, -1 }, e);
	if (tree < 0)
		return -1;
	for (int i = 0; i < 300; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		if (faccessat(tree, name, F_OK, 0) < 0)
			return error_sys(e, "layer %d", i);
	}
	if (mkdirat(tree, "x", 0755) == 0)
		return error_set(e, ERR_INPUT, "a view without upper is writable");
	buf_add_text(result, "all");
	return 0;
}

static void
three_hundred_layers_stack_in_each_way(void **state)
{
	(void)state;
	if (unusable)
		skip_because(unusable);
	for (int i = OVERLAY_API_FD; i <= OVERLAY_API_STRING; i++) {
		auto(buf) struct buf result = { 0 };
		enum overlay_api api = (enum overlay_api)i;
		struct error e = ERROR_INIT;
		struct worker w;

		assert_ok(worker_start(&w, stack_main, &api, &e), &e);
		assert_ok(worker_finish(&w, &result, &e), &e);
		assert_string_equal(buf_text(&result), "all");
	}
}

static void
nested_maps_have_no_line_over_two_extents(void **state)
{
	auto(id_map) struct id_map parent = { 0 };
	auto(id_map) struct id_map nested = { 0 };
	auto(buf) struct buf text = { 0 };
	uint32_t id;

	(void)state;
	id_map_add(&parent, 1, 100000, 65536);
	id_map_add(&parent, 0, 1000, 1);
	id_map_nested(&parent, &nested);
	id_map_text(&nested, &text);
	assert_string_equal(buf_text(&text), "0 0 1\n1 1 65536\n");
	assert_int_equal(id_map_to_outside(&parent, 65536, &id), 0);
	assert_int_equal(id, 165535);
	assert_int_equal(id_map_to_outside(&parent, 65537, &id), -1);
	assert_int_equal(id_map_to_inside(&parent, 1000, &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(id_map_to_inside(&parent, 1001, &id), -1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(nested_maps_have_no_line_over_two_extents),
	cmocka_unit_test(the_command_is_pid_1_and_root_with_fourteen_capabilities),
	cmocka_unit_test(r31_only_its_own_processes_and_descriptors_are_there),
	cmocka_unit_test(exit_status_and_signals_come_back),
	cmocka_unit_test(r29_what_runs_in_the_background_ends_with_the_command),
	cmocka_unit_test(proc_and_sys_are_masked_and_protected),
	cmocka_unit_test(dev_has_the_usual_nodes_and_nothing_of_the_host),
	cmocka_unit_test(a_user_has_its_groups_and_no_capabilities),
	cmocka_unit_test(a_command_that_cannot_be_executed_is_named),
	cmocka_unit_test(r1_a_working_directory_behind_a_descriptor_is_refused),
	cmocka_unit_test(a_working_directory_is_made_when_asked_for),
	cmocka_unit_test(t39_mount_points_leave_nothing_behind),
	cmocka_unit_test(t39_what_a_step_writes_beside_a_mount_point_stays),
	cmocka_unit_test(r7_r8_links_in_place_of_mount_points_stay_inside),
	cmocka_unit_test(m4_a_mount_point_that_became_a_link_is_left_alone),
	cmocka_unit_test(r5_a_terminal_is_the_containers_own),
	cmocka_unit_test(what_was_made_ahead_is_the_same_as_what_is_made_at_the_start),
	cmocka_unit_test(a_read_only_rootfs_takes_no_write),
	cmocka_unit_test(nothing_of_the_host_is_mounted_over_the_root),
	cmocka_unit_test(n2_a_joined_network_has_lo_and_no_sockets_of_the_host),
	cmocka_unit_test(r34_limits_are_set_and_core_dumps_are_off),
	cmocka_unit_test(refused_calls_are_refused),
	cmocka_unit_test(three_hundred_layers_stack_in_each_way),
};

int
main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
