/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - a static helper that tests run inside a build step and on an unpacked tree.
 *
 * "list" prints a tree as tests/lib/oci_tree.py prints the layers of an image, so that what a step saw can
 * be compared with what was stored; the other commands make files that a shell cannot make.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MAX_LINKS = 200000, MAX_PATH = 1 << 16, MAX_VALUE = 1 << 16 };

struct seen {
	dev_t dev;
	ino_t ino;
	char *path;
	char digest[65];
};

static struct seen seen[MAX_LINKS];
static size_t n_seen;
static char **skipped;

static void
die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* SHA-256, FIPS 180-4. */
struct sha256 {
	uint32_t state[8];
	uint64_t length;
	unsigned char block[64];
	size_t used;
};

static const uint32_t sha256_constants[64] = {
	0x428a2f98,
	0x71374491,
	0xb5c0fbcf,
	0xe9b5dba5,
	0x3956c25b,
	0x59f111f1,
	0x923f82a4,
	0xab1c5ed5,
	0xd807aa98,
	0x12835b01,
	0x243185be,
	0x550c7dc3,
	0x72be5d74,
	0x80deb1fe,
	0x9bdc06a7,
	0xc19bf174,
	0xe49b69c1,
	0xefbe4786,
	0x0fc19dc6,
	0x240ca1cc,
	0x2de92c6f,
	0x4a7484aa,
	0x5cb0a9dc,
	0x76f988da,
	0x983e5152,
	0xa831c66d,
	0xb00327c8,
	0xbf597fc7,
	0xc6e00bf3,
	0xd5a79147,
	0x06ca6351,
	0x14292967,
	0x27b70a85,
	0x2e1b2138,
	0x4d2c6dfc,
	0x53380d13,
	0x650a7354,
	0x766a0abb,
	0x81c2c92e,
	0x92722c85,
	0xa2bfe8a1,
	0xa81a664b,
	0xc24b8b70,
	0xc76c51a3,
	0xd192e819,
	0xd6990624,
	0xf40e3585,
	0x106aa070,
	0x19a4c116,
	0x1e376c08,
	0x2748774c,
	0x34b0bcb5,
	0x391c0cb3,
	0x4ed8aa4a,
	0x5b9cca4f,
	0x682e6ff3,
	0x748f82ee,
	0x78a5636f,
	0x84c87814,
	0x8cc70208,
	0x90befffa,
	0xa4506ceb,
	0xbef9a3f7,
	0xc67178f2,
};

static uint32_t
rotate(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void
sha256_block(struct sha256 *s)
{
	uint32_t w[64], v[8], t1, t2;

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)s->block[4 * i] << 24 | (uint32_t)s->block[4 * i + 1] << 16 |
		       (uint32_t)s->block[4 * i + 2] << 8 | s->block[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		       (rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3) +
		       (rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, s->state, sizeof(v));
	for (int i = 0; i < 64; i++) {
		t1 = v[7] + (rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)) +
		     ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_constants[i] + w[i];
		t2 = (rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)) +
		     ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof(*v));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		s->state[i] += v[i];
}

static void
sha256_add(struct sha256 *s, const unsigned char *data, size_t len)
{
	s->length += len;
	while (len > 0) {
		size_t n = sizeof(s->block) - s->used < len ? sizeof(s->block) - s->used : len;

		memcpy(s->block + s->used, data, n);
		s->used += n;
		data += n;
		len -= n;
		if (s->used == sizeof(s->block)) {
			sha256_block(s);
			s->used = 0;
		}
	}
}

static void
sha256_text(struct sha256 *s, char text[65])
{
	uint64_t bits = s->length * 8;
	unsigned char end = 0x80, size[8];

	sha256_add(s, &end, 1);
	end = 0;
	while (s->used != 56)
		sha256_add(s, &end, 1);
	for (int i = 0; i < 8; i++)
		size[i] = (unsigned char)(bits >> (56 - 8 * i));
	sha256_add(s, size, sizeof(size));
	for (int i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08" PRIx32, s->state[i]);
}

static void
content_digest(int dir, const char *name, char text[65])
{
	struct sha256 s = { .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
	static unsigned char buf[1 << 16];
	ssize_t n;
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		die(name);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sha256_add(&s, buf, (size_t)n);
	if (n < 0)
		die(name);
	close(fd);
	sha256_text(&s, text);
}

static void
print_escaped(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p >= 33 && *p <= 126 && *p != '\\')
			putchar(*p);
		else
			printf("\\%03o", *p);
	}
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The extended attributes of an entry, by a path below /proc/self/fd, which no length limits. */
static void
print_xattrs(int dir, const char *name)
{
	static char list[MAX_VALUE], value[MAX_VALUE], path[MAX_PATH];
	char *names[1000];
	size_t n = 0;
	ssize_t len, got;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	len = llistxattr(path, list, sizeof(list));
	for (char *p = list; len > 0 && p < list + len && n < 1000; p += strlen(p) + 1)
		names[n++] = p;
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		if (strncmp(names[i], "user.overlay.", 13) == 0 ||
		    strncmp(names[i], "trusted.", 8) == 0)
			continue;
		got = lgetxattr(path, names[i], value, sizeof(value));
		if (got < 0)
			continue;
		putchar(' ');
		print_escaped(names[i]);
		putchar('=');
		for (ssize_t k = 0; k < got; k++)
			printf("%02x", (unsigned char)value[k]);
	}
}

/* The record of a file with several names: the first path that was printed, and the digest of the content. */
static const struct seen *
remember(int dir, const char *name, const char *path, const struct stat *st)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].dev == st->st_dev && seen[i].ino == st->st_ino)
			return &seen[i];
	if (n_seen == MAX_LINKS)
		die("too many hard links");
	seen[n_seen] = (struct seen){ st->st_dev, st->st_ino, strdup(path), "" };
	if (S_ISREG(st->st_mode))
		content_digest(dir, name, seen[n_seen].digest);
	return &seen[n_seen++];
}

static void
print_entry(int dir, const char *name, const char *path, const struct stat *st)
{
	static const char letters[] = "?pc?d?b?f?l?s???";
	static char target[MAX_PATH];
	char kind = letters[st->st_mode >> 12], digest[65];
	const struct seen *shared = NULL;
	ssize_t n;

	if (kind != 'd' && st->st_nlink > 1)
		shared = remember(dir, name, path, st);
	print_escaped(path);
	printf(" %c %04o %u:%u", kind, kind == 'l' ? 0777 : st->st_mode & 07777, st->st_uid,
	    st->st_gid);
	if (kind == 'f') {
		if (!shared)
			content_digest(dir, name, digest);
		printf(" %jd %s", (intmax_t)st->st_size, shared ? shared->digest : digest);
	}
	if (kind == 'l') {
		n = readlinkat(dir, name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		putchar(' ');
		print_escaped(target);
	}
	if (kind == 'c' || kind == 'b')
		printf(" %u,%u", major(st->st_rdev), minor(st->st_rdev));
	if (shared) {
		printf(" =");
		print_escaped(shared->path + 1);
	}
	print_xattrs(dir, name);
	putchar('\n');
}

static int
is_skipped(const char *path)
{
	for (char **p = skipped; *p; p++)
		if (strcmp(*p, path) == 0)
			return 1;
	return 0;
}

static void
list_dir(int dir, const char *prefix)
{
	DIR *d = fdopendir(dup(dir));
	struct dirent *item;
	char **names = NULL;
	size_t n = 0;

	if (!d)
		die(prefix);
	while ((item = readdir(d))) {
		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		names = realloc(names, (n + 1) * sizeof(*names));
		names[n++] = strdup(item->d_name);
	}
	closedir(d);
	qsort(names, n, sizeof(*names), compare_names);
	for (size_t i = 0; i < n; i++) {
		char *path;
		struct stat st;
		int fd;

		if (asprintf(&path, "%s/%s", prefix, names[i]) < 0)
			die(prefix);
		if (!is_skipped(path)) {
			if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
				die(path);
			print_entry(dir, names[i], path, &st);
			if (S_ISDIR(st.st_mode)) {
				fd = openat(
				    dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
				if (fd < 0)
					die(path);
				list_dir(fd, path);
				close(fd);
			}
		}
		free(path);
		free(names[i]);
	}
	free(names);
}

/* list ROOT [PATH NOT TO LIST...]: sort the output with LC_ALL=C before comparing. */
static void
do_list(char **args)
{
	int fd = open(args[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		die(args[0]);
	skipped = args + 1;
	list_dir(fd, "");
}

/* caps FILE: cap_net_bind_service and cap_net_raw, permitted and effective. */
static void
do_caps(char **args)
{
	uint32_t value[5] = { 0x02000001, 1 << 10 | 1 << 13, 0, 0, 0 };

	if (setxattr(args[0], "security.capability", value, sizeof(value), 0) < 0)
		die(args[0]);
}

/* xattr FILE NAME VALUE: an extended attribute; VALUE "@N" is N bytes. */
static void
do_xattr(char **args)
{
	static char big[1 << 16];
	const char *value = args[2];
	size_t len = strlen(value);

	if (value[0] == '@') {
		len = strtoul(value + 1, NULL, 10);
		memset(big, 'x', sizeof(big));
		value = big;
	}
	if (len > sizeof(big) || lsetxattr(args[0], args[1], value, len, 0) < 0)
		die(args[0]);
}

/* sparse FILE SIZE: a hole with one byte at each end. */
static void
do_sparse(char **args)
{
	off_t size = (off_t)strtoull(args[1], NULL, 10);
	int fd = open(args[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || pwrite(fd, "a", 1, 0) != 1 || pwrite(fd, "z", 1, size - 1) != 1)
		die(args[0]);
	close(fd);
}

/* deep FOLDER LEVELS: folders inside each other, a file in the last. */
static void
do_deep(char **args)
{
	int levels = (int)strtoul(args[1], NULL, 10), dir = open(args[0], O_DIRECTORY | O_RDONLY);

	for (int i = 0; i < levels; i++) {
		int next;

		if (mkdirat(dir, "d", 0755) < 0 ||
		    (next = openat(dir, "d", O_DIRECTORY | O_RDONLY)) < 0)
			die("deep");
		close(dir);
		dir = next;
	}
	close(openat(dir, "end", O_WRONLY | O_CREAT, 0644));
}

/* names FOLDER: a file for each name that a tar writer or an escaping layer could get wrong. */
static void
do_names(char **args)
{
	static const char *const names[] = { "new\nline", "tab\there", "quo'te\"d", "-leading",
		"\xc3\xa9", "e\xcc\x81", "bad\xff\xfe", "ends.", "back\\slash", "col:on", " blank ",
		"$dollar", "*star?", "\x1b]0;x\x07", "..x", "...",
		"\xe2\x80\xae"
		"rtl",
		"%41", "a=b", "\x7f" };
	char longest[256];
	int dir = open(args[0], O_DIRECTORY | O_RDONLY);

	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		close(openat(dir, names[i], O_WRONLY | O_CREAT, 0644));
	close(openat(dir, longest, O_WRONLY | O_CREAT, 0644));
	for (int len = 96; len <= 104; len++) {
		longest[len] = '\0';
		close(openat(dir, longest, O_WRONLY | O_CREAT, 0644));
		longest[len] = 'n';
	}
	if (symlinkat("bad\xff target\n", dir, "link\xff") < 0)
		die("names");
}

/* links FOLDER COUNT: one file under COUNT names. */
static void
do_links(char **args)
{
	int count = (int)strtoul(args[1], NULL, 10), dir = open(args[0], O_DIRECTORY | O_RDONLY);
	char name[32];

	close(openat(dir, "l0", O_WRONLY | O_CREAT, 0644));
	for (int i = 1; i < count; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		if (linkat(dir, "l0", dir, name, 0) < 0)
			die(name);
	}
}

/* socket PATH: a bound socket, which no layer can hold. */
static void
do_socket(char **args)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", args[0]);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(args[0]);
}

/* unnamed FOLDER NAME: a file without a name, which is read, and gets one when NAME is not "-". */
static void
do_unnamed(char **args)
{
	char link[64], path[4096], text[8] = "";
	int fd = open(args[0], O_TMPFILE | O_RDWR, 0666);

	if (fd < 0 || write(fd, "unnamed", 7) != 7 || lseek(fd, 0, SEEK_SET) != 0 ||
	    read(fd, text, sizeof(text)) != 7 || strcmp(text, "unnamed") != 0)
		die(args[0]);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), "%s/%s", args[0], args[1]);
	if (strcmp(args[1], "-") != 0 &&
	    linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
		die(path);
}

/* times FILE SECONDS NANOSECONDS: the time of last change. */
static void
do_times(char **args)
{
	struct timespec times[2] = { { 0, UTIME_OMIT },
		{ (time_t)strtoll(args[1], NULL, 10), (long)strtol(args[2], NULL, 10) } };

	if (utimensat(AT_FDCWD, args[0], times, AT_SYMLINK_NOFOLLOW) < 0)
		die(args[0]);
}

/* many FOLDER COUNT: files of a few bytes, 250 to a folder. */
static void
do_many(char **args)
{
	int count = (int)strtoul(args[1], NULL, 10), dir = open(args[0], O_DIRECTORY | O_RDONLY);
	char name[64];

	for (int i = 0; i < count; i++) {
		int fd;

		snprintf(name, sizeof(name), "d%d", i / 250);
		if (i % 250 == 0 && mkdirat(dir, name, 0755) < 0)
			die(name);
		snprintf(name, sizeof(name), "d%d/f%d", i / 250, i);
		fd = openat(dir, name, O_WRONLY | O_CREAT, 0644);
		if (fd < 0 || write(fd, name, strlen(name)) < 0)
			die(name);
		close(fd);
	}
}

/* env: the environment, descriptors and limits that a step is given, one a line. */
static void
do_env(char **args)
{
	extern char **environ;

	(void)args;
	for (char **p = environ; *p; p++)
		puts(*p);
	for (int fd = 3; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("open descriptor %d\n", fd);
}

/* exchange A B STOP COUNT: A and B change places, until STOP is there or COUNT times; always even. */
static void
do_exchange(char **args)
{
	unsigned long count = strtoul(args[3], NULL, 10), n = 0;

	while (n < count && access(args[2], F_OK) < 0) {
		for (int twice = 0; twice < 2; twice++)
			if (syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1], 2U) < 0)
				die(args[0]);
		n++;
	}
	printf("exchanged %lu times\n", n);
}

static const struct command {
	const char *name;
	int n_args;
	void (*run)(char **args);
} commands[] = {
	{ "list", 1, do_list },
	{ "caps", 1, do_caps },
	{ "xattr", 3, do_xattr },
	{ "sparse", 2, do_sparse },
	{ "deep", 2, do_deep },
	{ "names", 1, do_names },
	{ "links", 2, do_links },
	{ "socket", 1, do_socket },
	{ "unnamed", 2, do_unnamed },
	{ "times", 3, do_times },
	{ "many", 2, do_many },
	{ "env", 0, do_env },
	{ "exchange", 4, do_exchange },
	{ 0 },
};

int
main(int argc, char **argv)
{
	struct rlimit files = { 8192, 8192 };

	(void)setrlimit(
	    RLIMIT_NOFILE, &files); /* deep trees; the limit in force serves the others */
	for (const struct command *c = commands; argc > 1 && c->name; c++) {
		if (strcmp(c->name, argv[1]) == 0 && argc - 2 >= c->n_args) {
			c->run(argv + 2);
			return fflush(stdout) == 0 ? 0 : 1;
		}
	}
	fprintf(stderr,
	    "usage: probe list ROOT [SKIP...] | caps FILE | xattr FILE NAME VALUE | sparse FILE "
	    "SIZE |\n"
	    "       deep FOLDER LEVELS | names FOLDER | links FOLDER COUNT | socket PATH |\n"
	    "       times FILE S NS | many FOLDER COUNT | env |\n"
	    "       exchange A B STOP COUNT\n");
	return 2;
}
