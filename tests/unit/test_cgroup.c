/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_cgroup - limits as files, and, where this user may make cgroups, that they hold.
 *
 * Nothing of the machine's mounts is touched: a v2 hierarchy is mounted in a mount namespace of the test's own. Cgroups that are made
 * have this process's number in their name and are removed.
 */
#include "tests/unit/unit.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/cgroup/cgroup.h"
#include "runtime/cgroup/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATH_LENGTH 64

static void
resources(const char *text, struct oci_resources *r)
{
	struct error e = ERROR_INIT;
	autojson struct json *j = json_parse(text, strlen(text), &e);

	if (!j)
		fail_msg("the test's own JSON: %s", e.text);
	assert_ok(oci_resources_read(j, "linux.resources", r, &e), &e);
}

static const struct {
	const char *json;
	bool v2;
	const char *files; /* "file=value" one a line, or the text of an error */
} cases[] = {
	{ "{}", true, "" },
	{ "{}", false, "" },
	{ "{\"memory\":{\"limit\":1000000,\"swap\":3000000,\"reservation\":500000}}", true,
	    "memory.swap.max=2000000\nmemory.max=1000000\nmemory.low=500000\n" },
	{ "{\"memory\":{\"limit\":-1,\"swap\":-1}}", true,
	    "memory.swap.max=max\nmemory.max=max\n" },
	{ "{\"memory\":{\"limit\":1000000,\"swap\":2000000,\"swappiness\":5,\"disableOOMKiller\":"
	  "true}}",
	    false,
	    "memory.limit_in_bytes=1000000\nmemory.memsw.limit_in_bytes=2000000\n"
	    "memory.limit_in_bytes=1000000\nmemory.swappiness=5\nmemory.oom_control=1\n" },
	{ "{\"memory\":{\"swappiness\":5}}", true,
	    "'linux.resources.memory.swappiness' cannot be set: cgroup v2 has no such limit" },
	{ "{\"memory\":{\"disableOOMKiller\":true}}", true,
	    "'linux.resources.memory.disableOOMKiller' cannot be set: cgroup v2 has no such "
	    "limit" },
	{ "{\"memory\":{\"swap\":5}}", true,
	    "'linux.resources.memory.swap' is memory and swap together, and needs 'limit'" },
	{ "{\"pids\":{\"limit\":7}}", true, "pids.max=7\n" },
	{ "{\"pids\":{\"limit\":-1}}", false, "pids.max=max\n" },
	{ "{\"pids\":{\"limit\":0}}", true, "pids.max=max\n" },
	{ "{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"burst\":10,\"idle\":1}}",
	    true, "cpu.idle=1\ncpu.weight=39\ncpu.max=50000 100000\ncpu.max.burst=10\n" },
	{ "{\"cpu\":{\"shares\":2,\"quota\":-1}}", true, "cpu.weight=1\ncpu.max=max\n" },
	{ "{\"cpu\":{\"shares\":262144,\"period\":200000}}", true,
	    "cpu.weight=10000\ncpu.max=max 200000\n" },
	{ "{\"cpu\":{\"shares\":1024,\"quota\":50000,\"period\":100000,\"burst\":10}}", false,
	    "cpu.shares=1024\ncpu.cfs_period_us=100000\ncpu.cfs_quota_us=50000\ncpu.cfs_burst_us="
	    "10\n" },
	{ "{\"cpu\":{\"realtimeRuntime\":1}}", true,
	    "'linux.resources.cpu.realtimeRuntime' cannot be set: cgroup v2 has no such limit" },
	{ "{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", true, "cpuset.cpus=0-1\ncpuset.mems=0\n" },
	{ "{\"blockIO\":{\"weight\":500,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
	  "\"rate\":100}],"
	  "\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":16,\"rate\":5}]}}",
	    true, "io.weight=default 4950\nio.max=8:0 rbps=100\nio.max=8:16 wiops=5\n" },
	{ "{\"blockIO\":{\"weight\":500,\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10,"
	  "\"leafWeight\":20}],\"throttleWriteBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":100}]}"
	  "}",
	    false,
	    "blkio.weight=500\nblkio.weight_device=8:0 10\nblkio.leaf_weight_device=8:0 20\n"
	    "blkio.throttle.write_bps_device=8:0 100\n" },
	{ "{\"blockIO\":{\"leafWeight\":20}}", true,
	    "'linux.resources.blockIO.leafWeight' cannot be set: cgroup v2 has no such limit" },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}", true,
	    "hugetlb.2MB.max=4194304\n" },
	{ "{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":0}]}", false,
	    "hugetlb.1GB.limit_in_bytes=0\n" },
	{ "{\"network\":{\"classID\":1048577,\"priorities\":[{\"name\":\"lo\",\"priority\":3}]}}",
	    false, "net_cls.classid=1048577\nnet_prio.ifpriomap=lo 3\n" },
	{ "{\"network\":{\"classID\":1}}", true,
	    "'linux.resources.network.classID' cannot be set: cgroup v2 has no such limit" },
	{ "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":3,\"hcaObjects\":10000}}}", true,
	    "rdma.max=mlx5_1 hca_handle=3 hca_object=10000\n" },
	{ "{\"unified\":{\"memory.high\":\"100M\",\"cgroup.max.depth\":\"3\"}}", true,
	    "memory.high=100M\ncgroup.max.depth=3\n" },
	{ "{\"unified\":{\"memory.high\":\"1\"}}", false,
	    "'linux.resources.unified' cannot be set: cgroup v1 has no such limit" },
	{ "{\"unified\":{\"frob.high\":\"1\"}}", true,
	    "'linux.resources.unified': 'frob.high' is no file of a cgroup controller" },
};

static void
each_limit_is_a_file_of_its_version_or_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto(settings) struct settings s = { 0 };
		auto(buf) struct buf text = { 0 };
		struct error e = ERROR_INIT;
		struct oci_resources r;

		resources(cases[i].json, &r);
		if (settings_of(&r, cases[i].v2, &s, &e) < 0)
			buf_add_text(&text, e.text);
		else
			for (size_t k = 0; k < s.count; k++)
				buf_printf(&text, "%s=%s\n", s.items[k].file, s.items[k].value);
		if (strcmp(buf_text(&text), cases[i].files) != 0)
			fail_msg("%s (v%d):\n%s\nand not\n%s", cases[i].json, cases[i].v2 ? 2 : 1,
			    buf_text(&text), cases[i].files);
		oci_resources_release(&r);
	}
}

static void
a_limit_without_any_cgroup_is_refused_by_name_and_no_limit_is_not(void **state)
{
	struct oci_resources r;
	struct cgroup c = CGROUP_INIT;
	struct error e = ERROR_INIT;

	(void)state;
	layout_force_none(true);
	resources("{\"pids\":{\"limit\":7}}", &r);
	assert_int_equal(
	    cgroup_make(&(struct cgroup_wish){ .id = "x", .path = "/x", .resources = &r }, &c, &e),
	    -1);
	assert_int_equal(e.kind, ERR_HOST);
	assert_string_equal(e.text, "config.json: 'linux.resources.pids.limit' cannot be set: "
				    "there is no cgroup file system "
				    "here");
	oci_resources_release(&r);
	resources("{\"pids\":{\"limit\":-1},\"memory\":{},\"devices\":[{\"allow\":false}]}", &r);
	assert_ok(
	    cgroup_make(
		&(struct cgroup_wish){ .id = "x", .own_users = true, .resources = &r }, &c, &e),
	    &e);
	assert_null(c.path);
	cgroup_release(&c);
	oci_resources_release(&r);
	layout_force_none(false);
}

static void
paths_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = { "/", "/..", "a:b", "a:b:", "a:b/c:d", "a:b:c:d" };
	struct oci_resources r;

	(void)state;
	resources("{}", &r);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct cgroup c = CGROUP_INIT;
		struct error e = ERROR_INIT;

		assert_int_equal(
		    cgroup_make(&(struct cgroup_wish){ .id = "x", .path = bad[i], .resources = &r },
			&c, &e),
		    -1);
		assert_non_null(strstr(e.text, "'linux.cgroupsPath'"));
	}
	oci_resources_release(&r);
}

/* A cgroup of this test with the limits of @json; skips where it cannot be made. */
static void
make(const char *json, bool own_users, struct cgroup *c)
{
	char path[PATH_LENGTH];
	struct error e = ERROR_INIT;
	struct oci_resources r;

	if (geteuid() != 0)
		skip_because("only root makes cgroups on this machine");
	snprintf(path, sizeof(path), "/croze-test-%d/x", (int)getpid());
	resources(json, &r);
	if (cgroup_make(
		&(struct cgroup_wish){
		    .id = "x", .path = path, .resources = &r, .own_users = own_users },
		c, &e) < 0)
		fail_msg("%s (%s)", e.text, e.hint);
	oci_resources_release(&r);
	if (c->count == 0)
		skip_because("there is no cgroup file system here");
}

static void
drop(struct cgroup *c)
{
	char path[PATH_LENGTH];
	struct error e = ERROR_INIT;

	assert_ok(cgroup_remove(c, &e), &e);
	for (size_t i = 0; i < c->count; i++)
		assert_int_equal(access(c->places[i].folder, F_OK), -1);
	cgroup_release(c);
	snprintf(path, sizeof(path), "/croze-test-%d", (int)getpid());
	if (cgroup_open(path, c, &e) == 0)
		assert_ok(cgroup_remove(c, &e), &e);
	cgroup_release(c);
}

static void
need_controller(const struct cgroup *c, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strv_has(&c->places[i].hierarchy->controllers, name))
			return;
	skip_because("the controller is in no hierarchy");
}

/* A child in the cgroup that runs @fn and ends with its result. */
static pid_t
child_in(const struct cgroup *c, int (*fn)(void))
{
	struct error e = ERROR_INIT;
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[1]); /* the parent has the other one */
		(void)!read(ends[0], &byte, 1);
		_exit(fn());
	}
	assert_ok(cgroup_attach(c, pid, &e), &e);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return pid;
}

static int
end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* How many children could be made, at most 20. */
static int
fork_much(void)
{
	int n = 0;

	while (n < 20) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				(void)pause();
		if (pid < 0)
			break;
		n++;
	}
	return n; /* they are killed with the cgroup */
}

static void
a_limit_of_pids_holds(void **state)
{
	struct cgroup c;
	struct error e = ERROR_INIT;

	(void)state;
	make("{\"pids\":{\"limit\":5}}", true, &c);
	need_controller(&c, "pids");
	assert_int_equal(WEXITSTATUS(end_of(child_in(&c, fork_much))), 4);
	assert_ok(cgroup_signal(&c, SIGKILL, &e), &e);
	drop(&c);
}

static int
use_memory(void)
{
	size_t size = 64U << 20;
	char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < size; i += 4096)
		bytes[i] = 1;
	return 7;
}

static void
a_limit_of_memory_holds(void **state)
{
	struct cgroup c;
	int status;

	(void)state;
	make("{\"memory\":{\"limit\":16777216,\"swap\":16777216}}", true, &c);
	need_controller(&c, "memory");
	status = end_of(child_in(&c, use_memory));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	drop(&c);
	make("{\"memory\":{\"limit\":268435456}}", true, &c);
	assert_int_equal(WEXITSTATUS(end_of(child_in(&c, use_memory))), 7);
	drop(&c);
}

static int
stay(void)
{
	while (pause() < 0)
		;
	return 0;
}

static void
limits_can_be_changed_and_read(void **state)
{
	auto(buf) struct buf text = { 0 };
	struct oci_resources r;
	struct cgroup c, again;
	struct error e = ERROR_INIT;
	pid_t pid;

	(void)state;
	make("{\"pids\":{\"limit\":5}}", true, &c);
	need_controller(&c, "pids");
	assert_ok(cgroup_open(c.path, &again, &e), &e);
	resources("{\"pids\":{\"limit\":9}}", &r);
	assert_ok(cgroup_set(&again, &r, &e), &e);
	oci_resources_release(&r);
	assert_ok(cgroup_read(&c, "pids", "pids.max", &text, &e), &e);
	assert_string_equal(buf_text(&text), "9\n");
	pid = child_in(&again, stay);
	(void)kill(pid, SIGKILL);
	(void)end_of(pid);
	cgroup_release(&again);
	drop(&c);
	assert_int_equal(cgroup_open("/croze-test-none", &again, &e), -1);
	assert_int_equal(e.kind, ERR_NOT_FOUND);
}

static void
processes_are_listed_frozen_and_killed(void **state)
{
	autofree pid_t *pids = NULL;
	struct error e = ERROR_INIT;
	struct cgroup c;
	pid_t pid;

	(void)state;
	make("{}", true, &c);
	pid = child_in(&c, stay);
	assert_int_equal(cgroup_pids(&c, &pids, &e), 1);
	assert_int_equal(pids[0], pid);
	assert_int_equal(cgroup_is_frozen(&c), 0);
	assert_ok(cgroup_freeze(&c, true, &e), &e);
	assert_int_equal(cgroup_is_frozen(&c), 1);
	assert_ok(cgroup_freeze(&c, false, &e), &e);
	assert_int_equal(cgroup_is_frozen(&c), 0);
	assert_ok(cgroup_signal(&c, SIGKILL, &e), &e);
	assert_int_equal(WTERMSIG(end_of(pid)), SIGKILL);
	pid = child_in(&c, stay);
	drop(&c); /* kills */
	assert_int_equal(WTERMSIG(end_of(pid)), SIGKILL);
}

static void
a_cgroup_with_other_processes_is_refused_and_left_alone(void **state)
{
	char path[PATH_LENGTH];
	struct error e = ERROR_INIT;
	struct oci_resources r;
	struct cgroup c, again;
	pid_t pid;

	(void)state;
	make("{}", true, &c);
	pid = child_in(&c, stay);
	resources("{}", &r);
	for (int above = 0; above < 2; above++) {
		snprintf(path, sizeof(path), above ? "/croze-test-%d" : "/croze-test-%d/x",
		    (int)getpid());
		assert_int_equal(
		    cgroup_make(
			&(struct cgroup_wish){
			    .id = "x", .path = path, .resources = &r, .own_users = true },
			&again, &e),
		    -1);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(strstr(e.text, "'linux.cgroupsPath': there are processes in '"));
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	}
	oci_resources_release(&r);
	(void)kill(pid, SIGKILL);
	(void)end_of(pid);
	drop(&c);
}

/* In a child with a v2 hierarchy alone; what of the controllers v1 has is not in it. */
static void
in_pure_v2(void (*test)(void **))
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		skip_because("only root mounts a cgroup file system here");
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("none", "/sys/fs/cgroup", "cgroup2", 0, NULL) < 0)
			_exit(99);
		test(NULL);
		_exit(0);
	}
	status = end_of(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		skip_because("cgroup2 cannot be mounted");
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
v2_body(void **state)
{
	autofree pid_t *pids = NULL;
	struct error e = ERROR_INIT;
	struct oci_resources r;
	struct cgroup c;
	pid_t pid;

	(void)state;
	make("{\"unified\":{\"cgroup.max.depth\":\"3\"}}", true, &c);
	if (c.layout.kind != CGROUP_V2 || c.count != 1)
		_exit(1);
	pid = child_in(&c, stay);
	if (cgroup_pids(&c, &pids, &e) != 1 || cgroup_freeze(&c, true, &e) < 0 ||
	    !cgroup_is_frozen(&c) || cgroup_freeze(&c, false, &e) < 0 || cgroup_is_frozen(&c) ||
	    cgroup_signal(&c, SIGKILL, &e) < 0)
		_exit(2);
	(void)end_of(pid);
	drop(&c);
	/* the memory controller is in a v1 hierarchy of this machine, or nobody has handed it down: the limit is refused */
	resources("{\"memory\":{\"limit\":1000000}}", &r);
	if (cgroup_make(
		&(struct cgroup_wish){ .id = "x", .path = "/croze-test-m", .resources = &r }, &c,
		&e) == 0)
		drop(&c);
	else if (!strstr(e.text, "'linux.resources.memory.limit' cannot be set") ||
		 access("/sys/fs/cgroup/croze-test-m", F_OK) == 0)
		_exit(3);
}

static void
in_pure_v2_processes_are_listed_frozen_and_killed(void **state)
{
	(void)state;
	in_pure_v2(v2_body);
}

/* Which of four nodes can be opened: bits. */
static int
open_nodes(void)
{
	static const struct {
		unsigned int major, minor;
		int flags;
	} nodes[] = { { 1, 3, O_RDWR }, { 1, 5, O_RDONLY }, { 10, 229, O_RDWR },
		{ 1, 11, O_RDONLY }, { 1, 11, O_WRONLY } };
	char name[32];
	int result = 0;

	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		int fd;

		snprintf(name, sizeof(name), "/tmp/croze-test-node-%d", (int)getpid());
		(void)unlink(name);
		if (mknod(name, S_IFCHR | 0600, makedev(nodes[i].major, nodes[i].minor)) < 0)
			continue;
		fd = open(name, nodes[i].flags | O_NONBLOCK);
		if (fd >= 0 || errno != EPERM)
			result |= 1 << i;
		(void)unlink(name);
	}
	return result;
}

#define DEVICE_RULES                                                                  \
	"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"                         \
	"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":11,\"access\":\"rm\"}," \
	"{\"allow\":true,\"type\":\"c\",\"major\":10,\"access\":\"rwm\"},"            \
	"{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}"

static void
devices_body(void **state)
{
	struct cgroup c;
	int opened;

	(void)state;
	make(DEVICE_RULES, false, &c);
	opened = WEXITSTATUS(end_of(child_in(&c, open_nodes)));
	drop(&c);
	/* null and zero always, fuse denied again, kmsg for reading alone */
	if (opened != (1 | 2 | 8)) {
		fprintf(stderr, "# opened: %d\n", opened);
		_exit(4);
	}
}

static void
rules_for_devices_hold_in_v2(void **state)
{
	(void)state;
	in_pure_v2(devices_body);
}

static void
rules_for_devices_hold_in_v1(void **state)
{
	struct error e = ERROR_INIT;
	struct oci_resources r;
	struct cgroup c;
	int opened;

	(void)state;
	make("{}", true, &c);
	need_controller(&c, "devices");
	drop(&c);
	make("{\"devices\":[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":1,"
	     "\"minor\":11,\"access\":\"rm\"}]}",
	    false, &c);
	opened = WEXITSTATUS(end_of(child_in(&c, open_nodes)));
	drop(&c);
	assert_int_equal(opened, 1 | 2 | 8);
	resources(DEVICE_RULES, &r);
	assert_int_equal(
	    cgroup_make(
		&(struct cgroup_wish){ .id = "x", .path = "/croze-test-devices", .resources = &r },
		&c, &e),
	    -1);
	assert_non_null(strstr(e.text, "'linux.resources.devices[3]' takes back a part of rule 2"));
	assert_int_equal(access("/sys/fs/cgroup/devices/croze-test-devices", F_OK), -1);
	oci_resources_release(&r);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(each_limit_is_a_file_of_its_version_or_is_named),
	cmocka_unit_test(a_limit_without_any_cgroup_is_refused_by_name_and_no_limit_is_not),
	cmocka_unit_test(paths_that_are_none_are_refused),
	cmocka_unit_test(a_limit_of_pids_holds),
	cmocka_unit_test(a_limit_of_memory_holds),
	cmocka_unit_test(limits_can_be_changed_and_read),
	cmocka_unit_test(processes_are_listed_frozen_and_killed),
	cmocka_unit_test(a_cgroup_with_other_processes_is_refused_and_left_alone),
	cmocka_unit_test(in_pure_v2_processes_are_listed_frozen_and_killed),
	cmocka_unit_test(rules_for_devices_hold_in_v2),
	cmocka_unit_test(rules_for_devices_hold_in_v1),
};

UNIT_MAIN(tests)
