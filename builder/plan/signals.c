/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals - names of signals, for STOPSIGNAL.
 */
#include "builder/plan/signals.h"

#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/** Linux's names; RTMIN and RTMAX are followed by an offset. */
static const char *const names[] = { "SIGABRT", "SIGALRM", "SIGBUS", "SIGCHLD", "SIGCLD", "SIGCONT",
	"SIGFPE", "SIGHUP", "SIGILL", "SIGINT", "SIGIO", "SIGIOT", "SIGKILL", "SIGPIPE", "SIGPOLL",
	"SIGPROF", "SIGPWR", "SIGQUIT", "SIGRTMAX", "SIGRTMIN", "SIGSEGV", "SIGSTKFLT", "SIGSTOP",
	"SIGSYS", "SIGTERM", "SIGTRAP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGUNUSED", "SIGURG",
	"SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGWINCH", "SIGXCPU", "SIGXFSZ", 0 };

#define LAST_SIGNAL 64
#define REALTIME_OFFSETS 30 /* between RTMIN (34) and RTMAX (64) */

/** "RTMIN+3", "RTMAX-2". */
static bool
is_realtime(const char *name)
{
	struct error ignored = ERROR_INIT;
	uint64_t offset;

	if (strncasecmp(name, "RTMIN+", 6) != 0 && strncasecmp(name, "RTMAX-", 6) != 0)
		return false;
	return parse_u64(name + 6, 1, REALTIME_OFFSETS, "offset", &offset, &ignored) == 0;
}

bool
signal_is_valid(const char *text)
{
	struct error ignored = ERROR_INIT;
	uint64_t number;

	if (isdigit((unsigned char)text[0]))
		return parse_u64(text, 1, LAST_SIGNAL, "signal", &number, &ignored) == 0;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t n = 0; names[n]; n++)
		if (strcasecmp(names[n] + 3, text) == 0)
			return true;
	return is_realtime(text);
}

const char *
signal_suggest(const char *text)
{
	return text_suggest(text, names);
}
