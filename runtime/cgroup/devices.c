/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices - which devices a container may use (runtime-spec, config-linux.md, "Allowed Device list").
 *
 * The last rule that matches decides. In the program of v2 the rules are therefore asked from the last to the first; the file interface
 * of v1 takes them in order.
 */
#include "runtime/cgroup/devices.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct oci_device_rule usual[] = {
	{ true, 'c', 1, 3, "rwm" },
	{ true, 'c', 1, 5, "rwm" },
	{ true, 'c', 1, 7, "rwm" },
	{ true, 'c', 1, 8, "rwm" },
	{ true, 'c', 1, 9, "rwm" },
	{ true, 'c', 5, 0, "rwm" },
	{ true, 'c', 5, 2, "rwm" },
	{ true, 'c', 136, -1, "rwm" },
};

/* Does it say something of every device? */
static bool
is_total(const struct oci_device_rule *d)
{
	return d->type == 'a' && d->major < 0 && d->minor < 0 && strlen(d->access) == 3;
}

static bool
overlap(const struct oci_device_rule *a, const struct oci_device_rule *b)
{
	return (a->type == 'a' || b->type == 'a' || a->type == b->type) &&
	       (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor);
}

/* v1 keeps a list of exceptions, and takes back only what stands there in the same words. */
static int
check_order(const struct oci_resources *r, struct error *e)
{
	size_t first = 0;

	for (size_t i = 0; i < r->n_devices; i++) {
		const struct oci_device_rule *d = &r->devices[i];

		if (is_total(d))
			first = i + 1;
		for (size_t k = first; k < i; k++) {
			const struct oci_device_rule *earlier = &r->devices[k];

			if (earlier->allow != d->allow && overlap(earlier, d) &&
			    (earlier->type != d->type || earlier->major != d->major ||
				earlier->minor != d->minor))
				return error_set(e, ERR_HOST,
				    "'linux.resources.devices[%zu]' takes back a part of rule %zu, "
				    "which "
				    "cgroup v1 cannot",
				    i, k);
		}
	}
	return 0;
}

static int
write_rule(int cgroup, const struct oci_device_rule *d, struct error *e)
{
	const char *file = d->allow ? "devices.allow" : "devices.deny";
	autofd int fd = openat(cgroup, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	auto(buf) struct buf text = { 0 };

	buf_printf(&text, "%c ", d->type);
	if (d->major < 0)
		buf_add_text(&text, "*:");
	else
		buf_printf(&text, "%lld:", (long long)d->major);
	if (d->minor < 0)
		buf_printf(&text, "* %s", d->access);
	else
		buf_printf(&text, "%lld %s", (long long)d->minor, d->access);
	if (d->type == 'a' && d->major < 0 && d->minor < 0) {
		buf_clear(&text);
		buf_add_text(&text, "a");
	}
	if (fd >= 0 && write(fd, text.data, text.len) >= 0)
		return 0;
	error_sys(e, "'linux.resources.devices': cannot write '%s' to '%s'", buf_text(&text), file);
	e->kind = ERR_HOST;
	return -1;
}

int
devices_write(int cgroup, const struct oci_resources *r, struct error *e)
{
	if (check_order(r, e) < 0)
		return -1;
	for (size_t i = 0; i < r->n_devices; i++)
		if (write_rule(cgroup, &r->devices[i], e) < 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (write_rule(cgroup, &usual[i], e) < 0)
			return -1;
	return 0;
}

struct program {
	struct bpf_insn *code;
	size_t length;
	size_t room;
};

static void
emit(struct program *p, uint8_t code, uint8_t to, uint8_t from, int16_t offset, int32_t value)
{
	xgrow(&p->code, p->length + 1, &p->room, sizeof(p->code[0]));
	p->code[p->length++] = (struct bpf_insn){ .code = code,
		.dst_reg = to & 0xf,
		.src_reg = from & 0xf,
		.off = offset,
		.imm = value };
}

static int32_t
access_bits(const char *letters)
{
	return (strchr(letters, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(letters, 'w') ? BPF_DEVCG_ACC_WRITE : 0) |
	       (strchr(letters, 'm') ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* r2 type, r3 access, r4 major, r5 minor. A rule that matches in part only does not decide. */
static void
emit_rule(struct program *p, const struct oci_device_rule *d)
{
	size_t first = p->length;
	int32_t bits = access_bits(d->access);
	size_t end;

	if (d->type != 'a')
		emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0,
		    d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (bits != 7) {
		emit(p, BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0);
		/* allowed: everything that is wanted is in the rule; denied: anything is */
		emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, d->allow ? 7 & ~bits : bits);
		emit(p, BPF_JMP | (d->allow ? BPF_JNE : BPF_JEQ) | BPF_K, BPF_REG_1, 0, 0, 0);
	}
	if (d->major >= 0)
		emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 0, (int32_t)d->major);
	if (d->minor >= 0)
		emit(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 0, (int32_t)d->minor);
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, d->allow ? 1 : 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	end = p->length;
	for (size_t i = first; i < end; i++)
		if (BPF_CLASS(p->code[i].code) == BPF_JMP && BPF_OP(p->code[i].code) != BPF_EXIT)
			p->code[i].off = (int16_t)(end - i - 1);
}

static void
build(struct program *p, const struct oci_resources *r)
{
	/* type in the lower half of access_type, access in the upper */
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(p, BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	emit(p, BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	emit(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1,
	    offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		emit_rule(p, &usual[i]);
	for (size_t i = r->n_devices; i > 0; i--) {
		emit_rule(p, &r->devices[i - 1]);
		if (is_total(&r->devices[i - 1]))
			return; /* what comes behind would never be reached, which the kernel refuses */
	}
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

int
devices_attach(int cgroup, const struct oci_resources *r, struct error *e)
{
	static const char licence[] = "Apache-2.0";
	struct program p = { 0 };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };
	union bpf_attr attach = { .target_fd = (uint32_t)cgroup,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI };
	autofd int fd = -1;
	int result = 0;

	build(&p, r);
	load.insns = (uint64_t)(uintptr_t)p.code;
	load.insn_cnt = (uint32_t)p.length;
	load.license = (uint64_t)(uintptr_t)licence;
	fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	attach.attach_bpf_fd = (uint32_t)fd;
	if (fd < 0 || syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0) {
		result = error_sys(e, "'linux.resources.devices' cannot be put in force");
		e->kind = ERR_HOST;
	}
	free(p.code);
	return result;
}
