/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caps - capability sets as masks (capabilities(7)).
 */
#include "runtime/sandbox/caps.h"

#include "runtime/base/mem.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const uint64_t caps_default =
    CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_FOWNER) |
    CAPS_BIT(CAP_MKNOD) | CAPS_BIT(CAP_NET_RAW) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETUID) |
    CAPS_BIT(CAP_SETFCAP) | CAPS_BIT(CAP_SETPCAP) | CAPS_BIT(CAP_NET_BIND_SERVICE) |
    CAPS_BIT(CAP_SYS_CHROOT) | CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_AUDIT_WRITE);

void
caps_set_mask(struct caps *c, uint64_t mask)
{
	*c = (struct caps){ .bounding = mask, .permitted = mask, .effective = mask };
}

int
caps_parse(const char *name, int *number, struct error *e)
{
	autofree char *full = NULL;
	cap_value_t value;

	if (strncasecmp(name, "cap_", 4) == 0)
		full = xstrdup(name);
	else
		full = xasprintf("cap_%s", name);
	if (cap_from_name(full, &value) < 0)
		return error_set(e, ERR_INPUT, "unknown capability '%s'", name);
	*number = value;
	return 0;
}

int
caps_bound(uint64_t mask, struct error *e)
{
	for (int i = 0; i < 64; i++) {
		if (mask & CAPS_BIT(i))
			continue;
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break; /* the kernel knows no more capabilities */
			return error_sys(e, "cannot drop capability %d", i);
		}
	}
	return 0;
}

int
caps_apply(const struct caps *c, struct error *e)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(c->effective >> (32 * i)),
			.permitted = (uint32_t)(c->permitted >> (32 * i)),
			.inheritable = (uint32_t)(c->inheritable >> (32 * i)),
		};
	if (syscall(SYS_capset, &header, data) < 0)
		return error_sys(e, "cannot set the capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_sys(e, "cannot clear the ambient capabilities");
	for (int i = 0; i < 64; i++)
		if (c->ambient & CAPS_BIT(i) &&
		    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return error_sys(e, "cannot raise ambient capability %d", i);
	return 0;
}
