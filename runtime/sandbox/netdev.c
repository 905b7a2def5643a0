/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netdev - network devices of the host for a container, by rtnetlink(7).
 *
 * The kernel takes the addresses of a device away when it changes its namespace, so they are asked for before, and given again by a
 * child that enters the other namespace.
 */
#include "runtime/sandbox/netdev.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ADDRESS_MAX 16
#define ANSWER_SIZE 32768

struct address {
	unsigned char family, prefix;
	unsigned char local[ADDRESS_MAX], peer[ADDRESS_MAX];
	size_t local_length, peer_length; /* 0: not given */
};

struct move {
	const char *as;
	pid_t pid;
	struct address *addresses;
	size_t n_addresses;
};

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attributes[128];
};

static void
add_attribute(struct request *r, unsigned short type, const void *data, size_t length)
{
	struct rtattr *a = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = (unsigned short)RTA_LENGTH(length);
	memcpy(RTA_DATA(a), data, length);
	r->header.nlmsg_len =
	    (uint32_t)(NLMSG_ALIGN(r->header.nlmsg_len) + RTA_ALIGN(RTA_LENGTH(length)));
}

static int
open_netlink(struct error *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? error_sys(e, "cannot ask for network devices") : fd;
}

/* 0, or an errno. */
static int
ask(int netlink, struct request *r)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *h = (struct nlmsghdr *)answer;
	ssize_t n;

	r->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (send(netlink, r, r->header.nlmsg_len, 0) < 0)
		return errno;
	n = recv(netlink, answer, sizeof(answer), 0);
	if (n < 0)
		return errno;
	if (!NLMSG_OK(h, (size_t)n) || h->nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -((const struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static void
keep_address(const struct nlmsghdr *h, unsigned int index, struct move *m)
{
	const struct ifaddrmsg *info = NLMSG_DATA(h);
	size_t left = IFA_PAYLOAD(h);
	struct address a = { .family = info->ifa_family, .prefix = info->ifa_prefixlen };

	if (info->ifa_index != index || info->ifa_scope != RT_SCOPE_UNIVERSE ||
	    !(info->ifa_flags & IFA_F_PERMANENT))
		return;
	for (const struct rtattr *t = IFA_RTA(info); RTA_OK(t, left); t = RTA_NEXT(t, left)) {
		size_t length = RTA_PAYLOAD(t);

		if (length > ADDRESS_MAX)
			continue;
		if (t->rta_type == IFA_LOCAL) {
			memcpy(a.local, RTA_DATA(t), length);
			a.local_length = length;
		} else if (t->rta_type == IFA_ADDRESS) {
			memcpy(a.peer, RTA_DATA(t), length);
			a.peer_length = length;
		}
	}
	m->addresses = xrealloc(m->addresses, m->n_addresses + 1, sizeof(m->addresses[0]));
	m->addresses[m->n_addresses++] = a;
}

static int
read_addresses(int netlink, unsigned int index, struct move *m, struct error *e)
{
	char answer[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct request r = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.address)),
				 .nlmsg_type = RTM_GETADDR,
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP } };

	if (send(netlink, &r, r.header.nlmsg_len, 0) < 0)
		return error_sys(e, "cannot ask for its addresses");
	for (;;) {
		ssize_t n = recv(netlink, answer, sizeof(answer), 0);
		size_t left = n < 0 ? 0 : (size_t)n;

		if (n <= 0)
			return error_sys(e, "cannot ask for its addresses");
		for (const struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == RTM_NEWADDR)
				keep_address(h, index, m);
			else if (h->nlmsg_type == NLMSG_ERROR)
				return error_set(e, ERR_SYSTEM, "cannot ask for its addresses");
		}
	}
}

static int
refuse(int error_number, const char *what, struct error *e)
{
	errno = error_number;
	error_sys(e, "%s", what);
	e->kind = ERR_HOST;
	if (error_number == EPERM)
		return error_hint(e, "only root of the namespace that has a device may move it");
	if (error_number == EEXIST)
		return error_hint(e, "the name is taken there: give another one by 'name'");
	return -1;
}

static int
give_address(int netlink, unsigned int index, const struct address *a, struct error *e)
{
	struct request r = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.address)),
				 .nlmsg_type = RTM_NEWADDR,
				 .nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL },
		.address = { .ifa_family = a->family,
		    .ifa_prefixlen = a->prefix,
		    .ifa_index = index,
		    .ifa_scope = RT_SCOPE_UNIVERSE,
		    .ifa_flags = IFA_F_PERMANENT } };
	int failed;

	if (a->local_length)
		add_attribute(&r, IFA_LOCAL, a->local, a->local_length);
	if (a->peer_length)
		add_attribute(&r, IFA_ADDRESS, a->peer, a->peer_length);
	failed = ask(netlink, &r);
	return failed && failed != EEXIST ? refuse(failed, "cannot give it its address again", e)
	                                  : 0;
}

/* In a child, which goes to the other namespace. */
static int
set_up(void *arg, struct buf *result, struct error *e)
{
	const struct move *m = arg;
	struct request r = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.link)),
				 .nlmsg_type = RTM_NEWLINK } };
	char path[48];
	autofd int there = -1;
	autofd int netlink = -1;
	int failed;

	(void)result; /* success has nothing to say */
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)m->pid);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (there < 0 || setns(there, CLONE_NEWNET) < 0)
		return error_sys(e, "cannot enter the network namespace of the container");
	netlink = open_netlink(e);
	if (netlink < 0)
		return -1;
	r.link.ifi_index = (int)if_nametoindex(m->as);
	if (r.link.ifi_index == 0)
		return error_sys(e, "cannot find '%s' in the container", m->as);
	for (size_t i = 0; i < m->n_addresses; i++)
		if (give_address(netlink, (unsigned int)r.link.ifi_index, &m->addresses[i], e) < 0)
			return -1;
	r.link.ifi_flags = r.link.ifi_change = IFF_UP;
	failed = ask(netlink, &r);
	return failed ? refuse(failed, "cannot set it up", e) : 0;
}

static int
change_namespace(int netlink, unsigned int index, const struct move *m, struct error *e)
{
	struct request r = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(r.link)),
				 .nlmsg_type = RTM_NEWLINK },
		.link = { .ifi_index = (int)index } };
	uint32_t pid = (uint32_t)m->pid;
	int failed;

	add_attribute(&r, IFLA_NET_NS_PID, &pid, sizeof(pid));
	add_attribute(&r, IFLA_IFNAME, m->as, strlen(m->as) + 1);
	failed = ask(netlink, &r);
	return failed ? refuse(failed, "cannot move it into the container", e) : 0;
}

int
netdev_move(const char *name, const char *as, pid_t pid, struct error *e)
{
	struct move m = { .as = as, .pid = pid };
	autofree struct address *addresses = NULL;
	autofd int netlink = open_netlink(e);
	unsigned int index;
	struct worker w;
	int result;

	if (netlink < 0)
		return -1;
	index = if_nametoindex(name);
	if (index == 0)
		return error_set(e, ERR_HOST, "there is no network device '%s'", name);
	result = read_addresses(netlink, index, &m, e);
	addresses = m.addresses;
	if (result < 0 || change_namespace(netlink, index, &m, e) < 0 ||
	    worker_start(&w, set_up, &m, e) < 0 || worker_finish(&w, NULL, e) < 0)
		return error_ctx(e, "network device '%s'", name);
	return 0;
}
