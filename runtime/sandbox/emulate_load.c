/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emulate_load - the loader: puts a program and its interpreter in memory as execve(2) would, and goes on there.
 *
 * It is linked without any library, at a fixed address (module.am). The stack is as the kernel has left it for the loader; what differs
 * for the program is put right: the first arguments of a script, and the auxiliary vector (getauxval(3)).
 */
#include "runtime/sandbox/emulate_load.h"

#include <asm/unistd.h>
#include <elf.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGE 4096UL
#define PARTS_MAX 64
#define STACK_SIZE 65536
#define FAILED 127

static struct emulate_load load;
static char stack[STACK_SIZE] __attribute__((aligned(16), used));

/* Where it goes on, and with what stack. */
struct start {
	unsigned long stack;
	unsigned long entry;
};

struct image {
	unsigned long bias;
	unsigned long entry;
	unsigned long parts; /* address of the program headers */
	unsigned long n_parts;
	unsigned long part_size;
};

struct start load_main(unsigned long *sp);

#if defined(__x86_64__)

/* The program begins with all registers 0: rdx is a function to be called at the end otherwise. */
__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	lea stack+65536(%rip), %rsp\n"
	"	xor %ebp, %ebp\n"
	"	call load_main\n"
	"	mov %rax, %rsp\n"
	"	push %rdx\n"
	"	xor %eax, %eax\n"
	"	xor %ebx, %ebx\n"
	"	xor %ecx, %ecx\n"
	"	xor %edx, %edx\n"
	"	xor %esi, %esi\n"
	"	xor %edi, %edi\n"
	"	xor %r8d, %r8d\n"
	"	xor %r9d, %r9d\n"
	"	xor %r10d, %r10d\n"
	"	xor %r11d, %r11d\n"
	"	xor %r12d, %r12d\n"
	"	xor %r13d, %r13d\n"
	"	xor %r14d, %r14d\n"
	"	xor %r15d, %r15d\n"
	"	ret\n");

static long
call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#else

/* No other architecture has the emulation (emulate_is_possible()): the program only says so. */
static long
call(long number, long a, long b, long c, long d, long e, long f)
{
	(void)number, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	__builtin_trap();
}

void _start(void);
void
_start(void)
{
	__builtin_trap();
}

#endif

static _Noreturn void
give_up(void)
{
	for (;;)
		(void)call(__NR_exit_group, FAILED, 0, 0, 0, 0, 0);
}

/* The compiler may make calls of these. */
void *memcpy(void *to, const void *from, size_t n);
void *
memcpy(void *to, const void *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((char *)to)[i] = ((const char *)from)[i];
	return to;
}

void *memset(void *to, int byte, size_t n);
void *
memset(void *to, int byte, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)to)[i] = (char)byte;
	return to;
}

static unsigned long
map(unsigned long at, unsigned long length, int protection, int flags, int fd, unsigned long offset)
{
	long got = call(__NR_mmap, (long)at, (long)length, protection, flags, fd, (long)offset);

	if (got < 0 && got > -(long)PAGE)
		give_up();
	return (unsigned long)got;
}

static unsigned long
down(unsigned long value)
{
	return value & ~(PAGE - 1);
}

static unsigned long
up(unsigned long value)
{
	return (value + PAGE - 1) & ~(PAGE - 1);
}

static int
protection_of(const Elf64_Phdr *part)
{
	return (part->p_flags & PF_R ? PROT_READ : 0) | (part->p_flags & PF_W ? PROT_WRITE : 0) |
	       (part->p_flags & PF_X ? PROT_EXEC : 0);
}

/* Room for all parts of a program that can be anywhere; what its addresses are to be raised by. */
static unsigned long
reserve(const Elf64_Phdr *parts, unsigned int n)
{
	unsigned long low = ~0UL, high = 0, align = PAGE, at, base;

	for (unsigned int i = 0; i < n; i++) {
		if (parts[i].p_type != PT_LOAD)
			continue;
		if (down(parts[i].p_vaddr) < low)
			low = down(parts[i].p_vaddr);
		if (up(parts[i].p_vaddr + parts[i].p_memsz) > high)
			high = up(parts[i].p_vaddr + parts[i].p_memsz);
		if (parts[i].p_align > align && (parts[i].p_align & (parts[i].p_align - 1)) == 0)
			align = parts[i].p_align;
	}
	if (low >= high)
		give_up();
	at = map(
	    0, high - low + align, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	base = (at + align - 1) & ~(align - 1);
	if (base > at)
		(void)call(__NR_munmap, (long)at, (long)(base - at), 0, 0, 0, 0);
	if (at + align > base)
		(void)call(
		    __NR_munmap, (long)(base + high - low), (long)(at + align - base), 0, 0, 0, 0);
	return base - low;
}

static void
map_part(int fd, const Elf64_Phdr *part, unsigned long bias)
{
	unsigned long start = part->p_vaddr + bias, shift = start - down(start);
	unsigned long file_end = start + part->p_filesz, end = start + part->p_memsz;
	int protection = protection_of(part);

	if (part->p_filesz > 0)
		(void)map(down(start), part->p_filesz + shift, protection, MAP_PRIVATE | MAP_FIXED,
		    fd, part->p_offset - shift);
	if (part->p_memsz <= part->p_filesz)
		return;
	if (part->p_filesz == 0)
		file_end = down(start);
	else if (part->p_flags & PF_W)
		/* to the end of the page, as the kernel does: the C library allocates there */
		(void)memset((void *)file_end, 0, up(file_end) - file_end);
	if (up(end) > up(file_end))
		(void)map(up(file_end), up(end) - up(file_end), protection,
		    MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
}

static void
map_image(int fd, struct image *image)
{
	static Elf64_Phdr parts[PARTS_MAX];
	Elf64_Ehdr head;
	long length;

	if (call(__NR_pread64, fd, (long)&head, sizeof(head), 0, 0, 0) != sizeof(head) ||
	    head.e_phnum > PARTS_MAX || head.e_phentsize != sizeof(parts[0]))
		give_up();
	length = (long)(head.e_phnum * sizeof(parts[0]));
	if (call(__NR_pread64, fd, (long)parts, length, (long)head.e_phoff, 0, 0) != length)
		give_up();
	image->bias = head.e_type == ET_DYN ? reserve(parts, head.e_phnum) : 0;
	image->entry = head.e_entry + image->bias;
	image->n_parts = head.e_phnum;
	image->part_size = head.e_phentsize;
	image->parts = 0;
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		const Elf64_Phdr *part = &parts[i];

		if (part->p_type == PT_PHDR)
			image->parts = part->p_vaddr + image->bias;
		if (part->p_type != PT_LOAD)
			continue;
		map_part(fd, part, image->bias);
		if (!image->parts && head.e_phoff >= part->p_offset &&
		    head.e_phoff < part->p_offset + part->p_filesz)
			image->parts = part->p_vaddr + image->bias + head.e_phoff - part->p_offset;
	}
}

static unsigned long *
behind_pointers(unsigned long *at)
{
	while (*at)
		at++;
	return at + 1;
}

/* Keeps the path of the loader itself. */
static void
remember(const unsigned long *vector)
{
	const char *path = "";

	for (; vector[0] != AT_NULL; vector += 2)
		if (vector[0] == AT_EXECFN)
			path = (const char *)vector[1];
	for (unsigned int i = 0; path[i] && i + 1 < sizeof(load.own_path); i++)
		load.own_path[i] = path[i];
}

static void
set_vector(unsigned long *vector, const struct image *program, unsigned long base)
{
	for (; vector[0] != AT_NULL; vector += 2)
		switch (vector[0]) {
		case AT_PHDR:
			vector[1] = program->parts;
			break;
		case AT_PHENT:
			vector[1] = program->part_size;
			break;
		case AT_PHNUM:
			vector[1] = program->n_parts;
			break;
		case AT_BASE:
			vector[1] = base;
			break;
		case AT_ENTRY:
			vector[1] = program->entry;
			break;
		case AT_UID:
			vector[1] = load.uid;
			break;
		case AT_EUID:
			vector[1] = load.euid;
			break;
		case AT_GID:
			vector[1] = load.gid;
			break;
		case AT_EGID:
			vector[1] = load.egid;
			break;
		case AT_EXECFN:
			vector[1] = (unsigned long)load.path;
			break;
		default:
			break;
		}
}

/* Moves the vectors down for what comes before the arguments of a script, in the place of the first; the new stack. */
static unsigned long *
insert_prefix(unsigned long *sp, const unsigned long *end)
{
	unsigned long n = load.n_prefix, argc = sp[0], shift;
	unsigned long *from = sp + (argc > 0 ? 2 : 1), *to;
	const char *text = load.prefix;

	shift = (n + 1) & ~1UL; /* the stack stays aligned to 16 bytes */
	to = sp - shift;
	to[0] = (argc > 0 ? argc - 1 : 0) + n;
	for (unsigned long i = 1; i <= n; i++) {
		to[i] = (unsigned long)text;
		while (*text++)
			;
	}
	for (to += n + 1; from < end;)
		*to++ = *from++;
	return sp - shift;
}

struct start
load_main(unsigned long *sp)
{
	unsigned long *vector = behind_pointers(behind_pointers(sp + 1)), *end = vector;
	struct image program, interpreter = { 0 };
	int flags = O_RDONLY | O_CLOEXEC;
	long fd;

	remember(vector);
	while (end[0] != AT_NULL)
		end += 2;
	fd = call(__NR_openat, EMULATE_LOAD, (long)&load, flags, 0, 0, 0);
	if (fd < 0)
		give_up();
	map_image((int)fd, &program);
	(void)call(__NR_close, fd, 0, 0, 0, 0, 0);
	if (load.interpreter >= 0) {
		map_image(load.interpreter, &interpreter);
		(void)call(__NR_close, load.interpreter, 0, 0, 0, 0, 0);
	}
	(void)call(__NR_prctl, PR_SET_NAME, (long)load.name, 0, 0, 0, 0);
	set_vector(vector, &program, interpreter.bias);
	if (load.n_prefix > 0)
		sp = insert_prefix(sp, end + 2);
	return (struct start){ (unsigned long)sp,
		load.interpreter >= 0 ? interpreter.entry : program.entry };
}
