/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch_main - the program croze-fetch: speaks HTTP for croze, confined (fetch.h says what it is asked and answers).
 *
 * Not for people: croze starts it with a socket as standard input. It may connect, write to the descriptors that come with
 * requests, and read what names are resolved with and certificates; no process, no listening, no other file.
 */
#include "builder/fetch/serve.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/landlock.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is not there is left out. */
static const char *const readable[] = {
	/* names; resolv.conf often is a link into /run */
	"/etc/hosts",
	"/etc/resolv.conf",
	"/etc/nsswitch.conf",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/protocols",
	/* modules of the C library that resolve names */
	"/etc/ld.so.cache",
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	/* certificates */
	"/etc/ssl",
	"/etc/pki",
	"/etc/ca-certificates",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	"/usr/share/pki",
	"/var/lib/ca-certificates",
};

#define RULES_MAX (ARRAY_LEN(readable) + 2)

static void
add_rule(struct landlock_rule *rules, size_t *n, const char *path)
{
	struct error ignored = ERROR_INIT;
	int fd = path && *path ? path_open_user(path, O_PATH, 0, &ignored) : -1;

	if (fd >= 0)
		rules[(*n)++] = (struct landlock_rule){ .fd = fd, .access = LANDLOCK_READ };
}

static int
confine(struct error *e)
{
	struct landlock_rule rules[RULES_MAX];
	size_t n = 0;
	int result;

	for (size_t i = 0; i < ARRAY_LEN(readable); i++)
		add_rule(rules, &n, readable[i]);
	add_rule(rules, &n, getenv("SSL_CERT_FILE"));
	add_rule(rules, &n, getenv("SSL_CERT_DIR"));
	result = landlock_restrict_client(rules, n, e);
	for (size_t i = 0; i < n; i++)
		(void)close(rules[i].fd); /* opened as a name only */
	if (result < 0)
		return -1;
	return strict_filter(STRICT_FETCH, e);
}

int
main(void)
{
	struct rlimit none = { 0, 0 };
	struct error e = ERROR_INIT;
	int type = 0;
	socklen_t length = sizeof(type);

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &length) < 0 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr, "croze-fetch is started by croze\n");
		return 2;
	}
	(void)setrlimit(RLIMIT_CORE, &none); /* lowering never fails */
	(void)signal(SIGPIPE, SIG_IGN);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		fprintf(stderr, "croze-fetch: libcurl does not start\n");
		_exit(1);
	}
	if (confine(&e) < 0 || serve_run(STDIN_FILENO, &e) < 0) {
		fprintf(stderr, "croze-fetch: %s\n", e.text);
		_exit(1);
	}
	_exit(0);
}
