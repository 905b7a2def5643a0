/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device - the value of RUN --device.
 *
 * A name has a '=' of its own ("vendor.com/gpu=0"), so the first field that is no key is the name.
 */
#include "builder/dockerfile/device.h"

#include "builder/dockerfile/mountspec.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

void
device_release(struct device *device)
{
	free(device->name);
	*device = (struct device){ 0 };
}

static int
set_name(struct device *device, const char *name, struct error *e)
{
	if (device->name)
		return error_set(e, ERR_INPUT, "one name is wanted, and there are '%s' and '%s'",
		    device->name, name);
	if (!name[0])
		return error_set(e, ERR_INPUT, "the name of the device is empty");
	device->name = xstrdup(name);
	return 0;
}

static int
read_field(struct device *device, const char *field, struct error *e)
{
	size_t length = strcspn(field, "=");
	const char *value = field[length] == '=' ? field + length + 1 : NULL;

	if (length == 8 && strncasecmp(field, "required", length) == 0) {
		device->required = true;
		return value ? mountspec_bool(value, "required", &device->required, e) : 0;
	}
	if (length == 4 && strncasecmp(field, "name", length) == 0 && value)
		return set_name(device, value, e);
	return set_name(device, field, e);
}

int
device_parse(const char *text, struct device *device, struct error *e)
{
	auto(strv) struct strv fields = { 0 };

	*device = (struct device){ 0 };
	if (mountspec_split(text, &fields, e) < 0)
		return -1;
	for (size_t n = 0; n < fields.count; n++)
		if (read_field(device, fields.items[n], e) < 0)
			return -1;
	if (!device->name)
		return error_set(e, ERR_INPUT, "'%s' names no device", text);
	return 0;
}
