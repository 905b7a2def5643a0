/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine - the architectures that programs are for, and whether those of one run here.
 */
#include "runtime/sandbox/machine.h"

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "seccomp/profile.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef EM_LOONGARCH
#define EM_LOONGARCH 258
#endif

/* exit(0) in the machine's own words; the numbers are those of its exit(2). */
#define CODE(...) .code = { __VA_ARGS__ }, .code_length = sizeof((unsigned char[]){ __VA_ARGS__ })

const struct machine machine_table[] = {
	{ .architecture = "amd64",
	    .uname = "x86_64",
	    .qemu = "x86_64",
	    .is_64 = true,
	    .elf_machine = EM_X86_64,
	    /* xor %edi,%edi; mov $60,%eax; syscall */
	    CODE(0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05) },
	{ .architecture = "arm64",
	    .uname = "aarch64",
	    .qemu = "aarch64",
	    .is_64 = true,
	    .elf_machine = EM_AARCH64,
	    /* mov x0,#0; mov x8,#93; svc #0 */
	    CODE(0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4) },
	{ .architecture = "arm",
	    .uname = "armv7l",
	    .qemu = "arm",
	    .elf_machine = EM_ARM,
	    .elf_flags = EF_ARM_EABI_VER5,
	    /* mov r0,#0; mov r7,#1; svc #0 */
	    CODE(0x00, 0x00, 0xa0, 0xe3, 0x01, 0x70, 0xa0, 0xe3, 0x00, 0x00, 0x00, 0xef) },
	{ .architecture = "386",
	    .uname = "i686",
	    .qemu = "i386",
	    .elf_machine = EM_386,
	    /* xor %ebx,%ebx; mov $1,%eax; int $0x80 */
	    CODE(0x31, 0xdb, 0xb8, 1, 0, 0, 0, 0xcd, 0x80) },
	{ .architecture = "riscv64",
	    .uname = "riscv64",
	    .qemu = "riscv64",
	    .is_64 = true,
	    .elf_machine = EM_RISCV,
	    /* li a0,0; li a7,93; ecall */
	    CODE(0x13, 0x05, 0x00, 0x00, 0x93, 0x08, 0xd0, 0x05, 0x73, 0x00, 0x00, 0x00) },
	{ .architecture = "s390x",
	    .uname = "s390x",
	    .qemu = "s390x",
	    .is_64 = true,
	    .is_big = true,
	    .elf_machine = EM_S390,
	    /* lghi %r2,0; svc 1 */
	    CODE(0xa7, 0x29, 0x00, 0x00, 0x0a, 0x01) },
	{ .architecture = "ppc64le",
	    .uname = "ppc64le",
	    .qemu = "ppc64le",
	    .is_64 = true,
	    .elf_machine = EM_PPC64,
	    .elf_flags = 2, /* the second ABI */
	    /* li r0,1; li r3,0; sc */
	    CODE(0x01, 0x00, 0x00, 0x38, 0x00, 0x00, 0x60, 0x38, 0x02, 0x00, 0x00, 0x44) },
	{ .architecture = "mips64le",
	    .uname = "mips64",
	    .qemu = "mips64el",
	    .is_64 = true,
	    .elf_machine = EM_MIPS,
	    .elf_flags = EF_MIPS_ARCH_64R2,
	    /* li v0,5058; li a0,0; syscall */
	    CODE(0xc2, 0x13, 0x02, 0x24, 0x00, 0x00, 0x04, 0x24, 0x0c, 0x00, 0x00, 0x00) },
	{ .architecture = "loong64",
	    .uname = "loongarch64",
	    .qemu = "loongarch64",
	    .is_64 = true,
	    .elf_machine = EM_LOONGARCH,
	    .elf_flags = 3, /* double-float ABI */
	    /* ori a0,zero,0; ori a7,zero,93; syscall 0 */
	    CODE(0x04, 0x00, 0x80, 0x03, 0x0b, 0x74, 0x81, 0x03, 0x00, 0x00, 0x2b, 0x00) },
};
const size_t machine_count = ARRAY_LEN(machine_table);

const struct machine *
machine_find(const char *architecture)
{
	for (size_t i = 0; i < machine_count; i++)
		if (strcmp(machine_table[i].architecture, architecture) == 0)
			return &machine_table[i];
	return NULL;
}

bool
machine_is_native(const struct machine *m)
{
	struct utsname name;

	return uname(&name) == 0 && strcmp(name.machine, m->uname) == 0;
}

static void
put(struct buf *b, const struct machine *m, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buf_add_char(b, (char)(value >> 8 * (m->is_big ? size - 1 - i : i)));
}

void
machine_magic(
    const struct machine *m, unsigned char magic[MACHINE_IDENT], unsigned char mask[MACHINE_IDENT])
{
	const unsigned char ident[EI_NIDENT] = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
		m->is_64 ? ELFCLASS64 : ELFCLASS32, m->is_big ? ELFDATA2MSB : ELFDATA2LSB,
		EV_CURRENT };
	size_t low = m->is_big ? 1 : 0;

	memset(magic, 0, MACHINE_IDENT);
	memset(mask, 0, MACHINE_IDENT);
	memcpy(magic, ident, EI_NIDENT);
	memset(mask, 0xff, EI_OSABI); /* what is behind says for which system's libraries */
	/* ET_EXEC is 2, ET_DYN 3 */
	magic[EI_NIDENT + low] = ET_EXEC;
	memset(mask + EI_NIDENT, 0xff, 4);
	mask[EI_NIDENT + low] = 0xfe;
	magic[EI_NIDENT + 2 + low] = m->elf_machine & 0xff;
	magic[EI_NIDENT + 3 - low] = (unsigned char)(m->elf_machine >> 8);
}

#define LOAD_ADDRESS 0x400000
#define LOAD_ALIGN 0x10000 /* no machine has larger pages */

/* An ELF header, one program header, and the code behind them, all of which is mapped. */
static void
make_program(const struct machine *m, struct buf *b)
{
	size_t word = m->is_64 ? 8 : 4;
	size_t header = m->is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	size_t entry = m->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	size_t length = header + entry + m->code_length;
	unsigned char magic[MACHINE_IDENT], mask[MACHINE_IDENT];

	machine_magic(m, magic, mask);
	buf_add(b, magic, MACHINE_IDENT);
	put(b, m, EV_CURRENT, 4);
	put(b, m, LOAD_ADDRESS + header + entry, word); /* e_entry */
	put(b, m, header, word);                        /* e_phoff */
	put(b, m, 0, word);
	put(b, m, m->elf_flags, 4);
	put(b, m, header, 2);
	put(b, m, entry, 2);
	put(b, m, 1, 2); /* e_phnum */
	put(b, m, 0, 6);
	put(b, m, PT_LOAD, 4);
	if (m->is_64)
		put(b, m, PF_R | PF_X, 4);
	put(b, m, 0, word);
	put(b, m, LOAD_ADDRESS, word);
	put(b, m, LOAD_ADDRESS, word);
	put(b, m, length, word);
	put(b, m, length, word);
	if (!m->is_64)
		put(b, m, PF_R | PF_X, 4);
	put(b, m, LOAD_ALIGN, word);
	buf_add(b, m->code, m->code_length);
}

/* The child: what goes wrong here is an answer too. */
static void
become(int program, int nothing)
{
	const struct seccomp_program *filter = seccomp_default();
	struct rlimit none = { 0, 0 };
	struct error ignored = ERROR_INIT;
	char *argv[] = { (char[]){ "exit" }, NULL };
	char *envp[] = { NULL };
	char path[32];

	(void)setrlimit(RLIMIT_CORE, &none);
	/* qemu has to find it open */
	if (fcntl(program, F_SETFD, 0) < 0 || dup2(nothing, 0) < 0 || dup2(nothing, 1) < 0 ||
	    dup2(nothing, 2) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
	if (filter && !filter->notifies && seccomp_program_load(filter, &ignored) < 0)
		_exit(1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", program);
	execve(path, argv, envp);
	_exit(1);
}

static bool
run_program(int program)
{
	autofd int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int status = -1;
	pid_t pid;

	if (nothing < 0)
		return false;
	pid = fork();
	if (pid == 0)
		become(program, nothing);
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int
open_memory(void)
{
	int fd = memfd_create("exit", MFD_EXEC);

	/* before Linux 6.3 there is no such flag, and all are executable */
	return fd < 0 && errno == EINVAL ? memfd_create("exit", 0) : fd;
}

bool
machine_runs(const struct machine *m)
{
	autofd int writable = open_memory();
	auto(buf) struct buf text = { 0 };
	struct error ignored = ERROR_INIT; /* then it does not run */
	autofd int program = -1;
	char path[32];

	if (writable < 0)
		return false;
	make_program(m, &text);
	if (fd_write_all(writable, text.data, text.len, &ignored) < 0)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", writable);
	/* what is open for writing is not executed */
	program = path_open_user(path, O_RDONLY, 0, &ignored);
	fd_close_at(&writable);
	writable = -1;
	return program >= 0 && run_program(program);
}
