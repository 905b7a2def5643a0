/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netns - the network that the commands of a build see.
 *
 * A child makes the namespace and passes it back as a descriptor. pasta, where it can work, is attached to it once and stays in
 * the foreground as our child; its default of letting the namespace reach the host's loopback is switched off. Names are not asked for
 * through it but through the process of egress.h, which therefore knows them.
 */
#include "runtime/sandbox/netns.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"
#include "runtime/base/strv.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/landlock.h"
#include "runtime/sandbox/passfd.h"
#include "runtime/sandbox/relay.h"
#include "seccomp/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TUN "/dev/net/tun"
#define READY_MS 10000
#define POLL_MS 5

int
netns_parse_mode(const char *text, enum netns_mode *mode, struct error *e)
{
	if (strcmp(text, "none") == 0)
		*mode = NETNS_NONE;
	else if (strcmp(text, "default") == 0)
		*mode = NETNS_DEFAULT;
	else if (strcmp(text, "host") == 0)
		*mode = NETNS_HOST;
	else
		return error_set(e, ERR_USAGE, "unknown network '%s': none, default or host", text);
	return 0;
}

int
netns_raise_loopback(struct error *e)
{
	autofd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = { .ifr_name = "lo" };

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return error_sys(e, "cannot look at the loopback interface");
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		return error_sys(e, "cannot bring up the loopback interface");
	return 0;
}

/* What container engines set: root of a step, which has no power over this namespace, listens on any port and pings. */
static void
open_up(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, value, strlen(value)); /* an older kernel: the step sees the refusal */
	(void)close(fd);                        /* procfs */
}

static int
make_main(void *arg, struct buf *result, struct error *e)
{
	const int *socket = arg;
	autofd int fd = -1;

	(void)result; /* the answer is a descriptor */
	if (unshare(CLONE_NEWNET) < 0)
		return error_sys(e, "cannot make a network namespace");
	if (netns_raise_loopback(e) < 0)
		return -1;
	open_up("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	open_up("/proc/sys/net/ipv4/ping_group_range", "0 65535");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "cannot open '/proc/self/ns/net'");
	return passfd_send(*socket, fd, e);
}

static int
make(struct error *e)
{
	autofd int ours = -1;
	autofd int theirs = -1;
	struct worker w;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return error_sys(e, "cannot make a socket pair");
	ours = pair[0];
	theirs = pair[1];
	if (worker_start(&w, make_main, &theirs, e) < 0 || worker_finish(&w, NULL, e) < 0)
		return -1;
	return passfd_receive(ours, e);
}

bool
netns_has_pasta(char reason[NETNS_REASON_MAX])
{
	autofree char *pasta = process_find("pasta");
	autofd int tun = open(TUN, O_RDWR | O_CLOEXEC);

	reason[0] = '\0';
	if (pasta && tun >= 0)
		return true;
	if (tun < 0)
		snprintf(
		    reason, NETNS_REASON_MAX, "'" TUN "' cannot be opened (%s)", strerror(errno));
	else
		snprintf(reason, NETNS_REASON_MAX, "pasta is not installed");
	return false;
}

/* Is there an interface besides lo that is configured? */
static bool
has_route(void)
{
	static const char *const tables[] = { "/proc/self/net/route", "/proc/self/net/ipv6_route" };
	char text[4096];

	for (int i = 0; i < 2; i++) {
		int fd = open(tables[i], O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		char *line;

		if (fd >= 0)
			(void)close(fd); /* read-only */
		if (n <= 0)
			continue;
		text[n] = '\0';
		line = i == 0 ? strchr(text, '\n') : text; /* the first has a heading */
		for (; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL)
			if (i == 0 ? strlen(line) > 1
				   : strcspn(line, "\n") > 3 && !strstr(line, " lo\n"))
				return true;
	}
	return false;
}

static int
wait_main(void *arg, struct buf *result, struct error *e)
{
	const int *fd = arg;

	(void)result; /* success has nothing to say */
	if (setns(*fd, CLONE_NEWNET) < 0)
		return error_sys(e, "cannot join the network namespace");
	for (int i = 0; i < READY_MS / POLL_MS; i++) {
		if (has_route())
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
	}
	return error_set(e, ERR_HOST, "pasta was not ready within %d seconds", READY_MS / 1000);
}

static pid_t
start_pasta(int netns, struct error *e)
{
	auto(strv) struct strv argv = { 0 };
	static const char *const options[] = { "--foreground", "--quiet", "--config-net",
		"--no-map-gw", "-t", "none", "-u", "none", "-T", "none", "-U", "none",
		"--netns-only", "--no-netns-quit", "--runas", "0:0", "--netns" };

	strv_add(&argv, "pasta");
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		strv_add(&argv, options[i]);
	strv_printf(&argv, "/proc/self/fd/%d", netns);
	return process_spawn(&(struct process_spec){ .path = "pasta",
				 .argv = strv_array(&argv),
				 .in = -1,
				 .out = -1,
				 .err = -1,
				 .keep = &netns,
				 .n_keep = 1 },
	    e);
}

static int
attach_pasta(struct netns *n, struct error *e)
{
	struct worker w;
	pid_t pid = start_pasta(n->fd, e);

	if (pid < 0)
		return -1;
	n->helper = pid;
	return worker_start(&w, wait_main, &n->fd, e) < 0 ? -1 : worker_finish(&w, NULL, e);
}

static void
end_pasta(struct netns *n)
{
	if (n->helper <= 0)
		return;
	(void)kill(n->helper, SIGKILL); /* may have ended already */
	while (waitpid(n->helper, NULL, 0) < 0 && errno == EINTR)
		;
	n->helper = 0;
}

/* What stops a container's processes from using a socket of the network outside for anything else than it was made for. */
static int
try_confining(struct error *e)
{
	if (landlock_knows_tcp())
		return landlock_forbid_tcp(e);
	if (socket_can_lock())
		return 0;
	error_set(e, ERR_HOST, "sockets cannot be kept to their peers");
	return error_hint(e, "Linux 6.7 with landlock among its security modules is needed");
}

static int
try_main(void *arg, struct buf *result, struct error *e)
{
	autofd int listener = -1;

	(void)arg;    /* nothing to be told */
	(void)result; /* nothing to tell */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "cannot set no_new_privs");
	if (try_confining(e) < 0)
		return -1;
	listener = notify_load(network_program(), e);
	return listener < 0 ? -1 : 0;
}

int
netns_try_egress(struct error *e)
{
	struct worker w;

	return worker_start(&w, try_main, NULL, e) < 0 ? -1 : worker_finish(&w, NULL, e);
}

/* By pasta, or by connections that are made outside; in both what is reached is noted, and names are asked for outside. */
static int
open_outside(const struct netns_options *options, struct netns *n, struct error *e)
{
	struct error failed = ERROR_INIT;
	char reason[NETNS_REASON_MAX];
	struct egress_options egress = { .netns = n->fd,
		.rules = options->rules,
		.n_rules = options->n_rules,
		.in_place = options->in_place };

	if (options->n_rules == 0 && !options->in_place && netns_has_pasta(reason)) {
		egress.observes = attach_pasta(n, &failed) == 0;
		if (!egress.observes)
			end_pasta(n);
	}
	/* pasta does without, though nobody then knows what was reached */
	egress.silent = !options->in_place && netns_try_egress(e) < 0;
	if ((egress.silent && !egress.observes) || egress_start(&egress, &n->egress, e) < 0)
		return -1;
	n->outside = true;
	n->resolver = RELAY_RESOLVER;
	return 0;
}

/* Nobody who is asked for connections: somebody to whom other calls are told. */
static void
open_notes(const struct netns_options *options, struct netns *n)
{
	struct egress_options egress = { .netns = -1 };
	struct error ignored = ERROR_INIT; /* then nothing is noted */

	if (options->notes && !n->egress.pid)
		(void)egress_start(&egress, &n->egress, &ignored);
}

int
netns_open(const struct netns_options *options, struct netns *n, struct error *e)
{
	struct error failed = ERROR_INIT;

	*n = (struct netns)NETNS_INIT;
	n->outside = options->mode == NETNS_HOST;
	if (options->mode != NETNS_HOST && !options->in_place && (n->fd = make(e)) < 0)
		return -1;
	if (options->mode != NETNS_DEFAULT || open_outside(options, n, &failed) == 0) {
		open_notes(options, n);
		return 0;
	}
	if (options->n_rules > 0) {
		*e = failed;
		e->kind = ERR_HOST;
		return error_ctx(e, "what steps may reach cannot be limited");
	}
	end_pasta(n);
	snprintf(n->reason, sizeof(n->reason),
	    "%.300s, so that steps have no network but their own loopback; --network=host gives "
	    "them the host's",
	    failed.text);
	return 0;
}

void
netns_close(struct netns *n)
{
	end_pasta(n);
	egress_stop(&n->egress);
	if (n->fd >= 0)
		(void)close(n->fd); /* a namespace */
	*n = (struct netns)NETNS_INIT;
}
