/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_mount - any text as the value of RUN --mount and --device.
 */
#include "builder/dockerfile/device.h"
#include "builder/dockerfile/mountspec.h"
#include "runtime/base/buf.h"
#include "runtime/base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

/** $x is anything but what its text says; $! fails. */
static char *
expand(void *arg, const char *value)
{
	size_t *calls = arg;

	(*calls)++;
	if (strstr(value, "$!"))
		return NULL;
	return value[0] == '$' ? xstrdup("cache") : xstrdup(value);
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

/** What is promised of a mount that was taken. */
static void
check(const struct mountspec *m)
{
	must(mount_type_names[m->type] != NULL);
	must(m->target || m->id || m->type == MOUNT_SSH);
	must(m->type == MOUNT_SECRET || m->type == MOUNT_SSH || m->target);
	must(m->type != MOUNT_SECRET || (!m->from && !m->source));
	must(m->type == MOUNT_CACHE || m->sharing == MOUNT_SHARED);
	must(m->type == MOUNT_TMPFS || m->size == 0);
	must(m->mode <= 07777);
	must(!m->target || m->target[0] != '\0');
	must(!m->from || m->from[0] != '\0');
}

static void
parse(const char *text)
{
	auto(mountspec) struct mountspec plain = { 0 }, expanded = { 0 };
	struct error e = ERROR_INIT, checked = ERROR_INIT;
	autofree char *from = NULL;
	size_t calls = 0;
	bool good = mountspec_check(text, &from, &checked) == 0;
	bool parsed = mountspec_parse(text, NULL, NULL, &plain, &e) == 0;

	if (!strchr(text, '$'))
		must(good == parsed);
	must(parsed || e.kind == ERR_INPUT);
	must(!from || good);
	if (parsed)
		check(&plain);
	if (mountspec_parse(text, expand, &calls, &expanded, &e) == 0)
		check(&expanded);
}

/** A field written as RFC 4180 has it is read as it was. */
static void
write_and_read(const char *text)
{
	auto(buf) struct buf record = { 0 };
	auto(strv) struct strv fields = { 0 };
	struct error e = ERROR_INIT;

	buf_add_text(&record, "a,\"");
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '"')
			buf_add_char(&record, '"');
		buf_add_char(&record, *c);
	}
	buf_add_text(&record, "\",b");
	must(mountspec_split(buf_text(&record), &fields, &e) == 0);
	must(fields.count == 3 && strcmp(fields.items[1], text) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	autofree char *text = xstrndup((const char *)bytes, length);
	auto(device) struct device device = { 0 };
	struct error e = ERROR_INIT;

	parse(text);
	write_and_read(text);
	if (device_parse(text, &device, &e) == 0)
		must(device.name && device.name[0] != '\0');
	return 0;
}
