/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_flags - the flags of all commands that speak to registries, and what they show meanwhile.
 */
#include "builder/cli/registry_flags.h"

#include "builder/registry/proxies.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
registry_display_end(struct registry_display *display)
{
	if (display->shown)
		fputs("\r\033[K", stderr);
	display->shown = false;
}

static void
show_note(void *arg, const char *text)
{
	struct registry_display *display = arg;
	autofree char *safe = text_safe(text);

	registry_display_end(display);
	if (!display->quiet)
		fprintf(stderr, "note: %s\n", safe);
}

static void
show_progress(void *arg, uint64_t done, uint64_t total)
{
	struct registry_display *display = arg;
	auto(buf) struct buf line = { 0 };

	if (!display->tty)
		return;
	text_add_size(&line, done);
	buf_add_text(&line, " of ");
	text_add_size(&line, total);
	fprintf(stderr, "\r\033[K %s", buf_text(&line));
	display->shown = true;
}

int
registry_flags_apply(const struct registry_flags *flags, struct registry_display *display,
    struct registry_options *options, struct error *e)
{
	const char *term = getenv("TERM");
	struct error problem = ERROR_INIT;
	int64_t delay = 0;

	display->quiet = flags->quiet;
	display->tty = !flags->quiet && isatty(STDERR_FILENO) == 1 &&
	               !(term != NULL && strcmp(term, "dumb") == 0);
	*options = (struct registry_options){ .creds = flags->creds,
		.authfile = flags->authfile,
		.cert_dir = flags->cert_dir,
		.note = show_note,
		.progress = show_progress,
		.arg = display };
	if (proxies_from_docker(&problem) < 0)
		show_note(display, problem.text); /* what asks for passwords there will say more */
	if (flags->retry > 100)
		return error_set(e, ERR_USAGE, "--retry: at most 100");
	options->attempts = (unsigned)flags->retry + 1;
	if (flags->retry_delay != NULL) {
		/* podman's form is seconds with a unit; a bare number is taken as seconds */
		autofree char *text = xasprintf("%s%s", flags->retry_delay,
		    strspn(flags->retry_delay, "0123456789") == strlen(flags->retry_delay) ? "s"
											   : "");

		if (parse_duration(text, "--retry-delay", &delay, e) < 0)
			return -1;
		if (delay < 1000000 || delay > INT64_C(3600000000000))
			return error_set(e, ERR_USAGE, "--retry-delay: 1ms to 1h");
		options->delay = (unsigned)(delay / 1000000);
	}
	if (flags->tls_verify != NULL)
		options->tls = strcmp(flags->tls_verify, "true") == 0 ? REGISTRY_TLS_VERIFY
		                                                      : REGISTRY_TLS_SKIP;
	return 0;
}

struct registry *
registry_flags_open(
    const struct registry_flags *flags, struct registry_display *display, struct error *e)
{
	struct registry_options how;

	return registry_flags_apply(flags, display, &how, e) < 0 ? NULL : registry_new(&how, e);
}
