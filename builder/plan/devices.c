/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - RUN --device: which devices of this machine a command gets.
 *
 * They are looked up when a Dockerfile asks for the first one. What the key of a step holds is their names: the files behind a name
 * are the machine's, as a secret's value is the user's.
 */
#include "builder/plan/planner.h"

#include "builder/dockerfile/device.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define LISTED_MAX 8

struct asking {
	struct building *b;
	const struct instruction *i;
	const struct flag *flag;
	const struct device *device;
};

static int
refuse(const struct asking *a, struct error *e)
{
	(void)error_ctx(e, "RUN --device=%s", a->flag->value);
	return planner_error(a->b, a->i, a->flag->offset, e);
}

static void
warn(const struct asking *a, const char *text)
{
	(void)diagnostics_add(a->b->p->diagnostics, SEVERITY_WARNING,
	    instruction_locate(a->i, a->flag->offset), "RUN --device=%s: %s", a->flag->value, text);
}

static int
load(const struct asking *a)
{
	struct planner *p = a->b->p;
	struct error e = ERROR_INIT;

	if (p->has_devices || !p->options->device_dirs)
		return 0;
	if (cdi_load(&p->plan->devices, p->options->device_dirs, &e) < 0)
		return refuse(a, &e);
	p->has_devices = true;
	return 0;
}

/** What is known instead of the device that is not. */
static void
describe_missing(const struct asking *a, struct buf *text)
{
	const struct cdi *cdi = &a->b->p->plan->devices;
	const struct strv *dirs = a->b->p->options->device_dirs;
	autofree char *places = dirs ? strv_join(dirs, "', '") : NULL;

	buf_printf(text, "this machine has no such device");
	if (cdi->n_devices == 0 && places)
		buf_printf(text, "; none is described in '%s'", places);
	for (size_t n = 0; n < cdi->n_devices && n <= LISTED_MAX; n++)
		buf_printf(text, "%s%s", n == 0 ? "; there are " : ", ",
		    n < LISTED_MAX ? cdi->devices[n].full_name : "...");
	for (size_t n = 0; n < cdi->unread.count && n < LISTED_MAX; n++)
		buf_printf(text, "; '%s' is not read, as it is not JSON", cdi->unread.items[n]);
}

/** A device that is not there is an error when it is required, else it is left out. */
static int
miss(const struct asking *a)
{
	const struct cdi *cdi = &a->b->p->plan->devices;
	auto(buf) struct buf text = { 0 };
	struct error e = ERROR_INIT;

	describe_missing(a, &text);
	if (!a->device->required) {
		buf_add_text(&text, "; it is left out, as it is not required");
		warn(a, buf_text(&text));
		return 0;
	}
	(void)error_set(&e, ERR_INPUT, "%s", buf_text(&text));
	if (cdi->unread.count > 0)
		(void)error_hint(&e, "write it as JSON: nvidia-ctk cdi generate --format=json");
	return refuse(a, &e);
}

/** Did the user allow it, by one of the names it has? */
static bool
is_allowed(const struct planner *p, const struct cdi_device *device)
{
	const struct strv *names = p->options->allowed_devices;
	bool found = p->options->allowed & PLAN_ALLOW_DEVICES;

	for (size_t n = 0; names && n < names->count && !found; n++) {
		const struct cdi_device **devices;
		size_t count;

		cdi_find(&p->plan->devices, names->items[n], &devices, &count);
		for (size_t m = 0; m < count; m++)
			found = found || devices[m] == device;
		free(devices);
	}
	return found;
}

static int
give(const struct asking *a, const struct cdi_device *device, struct plan_step *step)
{
	struct error e = ERROR_INIT;

	if (!is_allowed(a->b->p, device)) {
		(void)error_set(&e, ERR_INPUT, "the Dockerfile may not have the device '%s'",
		    device->full_name);
		(void)error_hint(
		    &e, "allow it with: croze build --allow device=%s", device->full_name);
		return refuse(a, &e);
	}
	for (size_t n = 0; n < step->n_devices; n++)
		if (step->devices[n] == device)
			return 0;
	step->devices = xrealloc(step->devices, step->n_devices + 1, sizeof(*step->devices));
	step->devices[step->n_devices++] = device;
	if (device->left_out.count > 0) {
		autofree char *list = strv_join(&device->left_out, ", ");
		autofree char *text =
		    xasprintf("'%s' asks for what is not done for a RUN: %s; a command that needs "
			      "it has to do it itself, as with ldconfig",
			device->file, list);

		warn(a, text);
	}
	return 0;
}

static int
add(const struct asking *a, struct plan_step *step)
{
	const struct cdi_device **found = NULL;
	size_t count = 0;
	int result = 0;

	if (a->b->p->options->flags & PLAN_CHECK)
		return 0; /* what is asked for is right; this machine need not have it */
	if (load(a) < 0)
		return -1;
	cdi_find(&a->b->p->plan->devices, a->device->name, &found, &count);
	if (count == 0)
		return miss(a);
	for (size_t n = 0; n < count && result == 0; n++)
		result = give(a, found[n], step);
	free(found);
	return result;
}

int
devices_apply(struct building *b, const struct instruction *i, struct plan_step *step)
{
	int result = 0;

	for (size_t n = 0; n < i->n_flags; n++) {
		auto(device) struct device device = { 0 };
		struct asking a = { b, i, &i->flags[n], &device };
		struct error e = ERROR_INIT;

		if (strcmp(i->flags[n].def->name, "device") != 0)
			continue;
		if (device_parse(i->flags[n].value, &device, &e) < 0)
			result = refuse(&a, &e);
		else if (add(&a, step) < 0)
			result = -1;
	}
	return result;
}
