/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mounts - what RUN --mount shows a command.
 *
 * A source is resolved once, inside of the files it belongs to, and from then on it is a descriptor: whoever exchanges folders for
 * links meanwhile changes nothing (SECURITY M1-M3, M7). What is written to a bind goes to an upper directory that is thrown away.
 * Secrets and sockets live on one tmpfs of the step, which nobody but the builder has a name for. Where nothing can be mounted a secret
 * is a file in memory without any name (memfd_create(2)), which the answers to the step's calls give one, and a socket is in a folder.
 *
 * Where there are no answers either, what is shown is moved to its place for the time of the command. A cache then is one step's at a time,
 * and a bind and a secret are copies on the disk that are thrown away. A command can link files of a cache to its own; so
 * those that have names elsewhere afterwards become copies.
 */
#include "builder/step/mounts.h"

#include "builder/layer/links.h"
#include "builder/step/seed.h"
#include "runtime/base/fd.h"
#include "runtime/base/filecopy.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/sandbox/mount.h"
#include "seccomp/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY "copy"

/** One of the step's mounts while it is open. */
struct opened {
	int source; /* what is bound; -1: nothing */
	int root;   /* a mount of ours that @source is in; -1 */
	struct snapshot_writer upper;
	struct store_mount cache;
	bool is_lent; /* its files are moved */
	pid_t agent;
};

struct mounts {
	const struct mounts_request *request;
	struct opened *opened; /* as the step's mounts */
	int secrets;           /* the tmpfs, attached, or the folder of sockets; -1: none yet */
	struct container_mount *items;
	size_t n_items;
	struct strv environment;
};

void
run_source_release(struct run_source *source)
{
	chain_release(&source->chain);
	free(source->name);
	*source = (struct run_source){ 0 };
}

/* ---- mounts of our own ---- */

/*
 * Gives a detached mount a place in the builder's own mount namespace: before Linux 6.15 nothing below a detached one can be bound.
 */
static int
attach(struct store *store, int mount, struct error *e)
{
	autofd int dir = -1;

	if (store_driver(store) == STORE_COPY)
		return 0; /* a folder of the store, which is in a place already */
	dir = store_tmp_dir(store, NULL, e);
	return dir < 0 ? -1 : mount_attach(mount, dir, e);
}

static void
detach(int *mount)
{
	struct error ignored = ERROR_INIT; /* ends with the build's mount namespace at the latest */

	if (*mount >= 0)
		(void)mount_detach(*mount, &ignored);
	fd_close_at(mount);
}

/* ---- bind ---- */

static int
mount_files(struct mounts *m, size_t n, struct error *e)
{
	const struct run_source *source = &m->request->sources[n];
	const struct mountspec *spec = &m->request->step->mounts[n].spec;
	struct store *store = m->request->store;
	struct opened *o = &m->opened[n];
	int root;

	if (source->chain.snapshots.count == 0)
		return store_tmp_dir(store, NULL, e);
	if (spec->read_only || m->request->way == MOUNTS_MOVED) {
		root = chain_open(store, &source->chain, e);
	} else {
		if (snapshot_writer_open(&o->upper, store, e) < 0)
			return -1;
		root = chain_mount(store, &source->chain, -1, &o->upper, e);
	}
	if (root < 0)
		return -1;
	o->root = root;
	if (store_driver(store) == STORE_COPY)
		return fcntl(root, F_DUPFD_CLOEXEC, 3); /* a folder as any other */
	return attach(store, root, e) < 0 ? -1 : fcntl(root, F_DUPFD_CLOEXEC, 3);
}

/* A folder of the step's own with what is in @path of @root. */
static int
copy_folder(struct mounts *m, int root, const struct run_source *source, const struct stat *st,
    struct error *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	autofd int dir = store_tmp_dir(m->request->store, NULL, e);
	autofd int copy = -1;

	if (dir < 0)
		return -1;
	if (mkdirat(dir, COPY, 0700) == 0)
		copy = openat(dir, COPY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (copy < 0)
		return error_sys(e, "cannot make a folder");
	if (seed_directory(root, source->path, source->name, copy, e) < 0)
		return -1;
	if (fchown(copy, st->st_uid, st->st_gid) < 0 || fchmod(copy, st->st_mode & 07777) < 0 ||
	    futimens(copy, times) < 0)
		return error_sys(e, "cannot give a folder its owner and mode");
	return steal_fd(&copy);
}

static int
copy_file(struct mounts *m, int file, const struct stat *st, struct error *e)
{
	autofd int dir = store_tmp_dir(m->request->store, NULL, e);
	autofd int copy = -1;
	char name[FILECOPY_NAME];

	if (dir < 0 || path_write_file(dir, COPY, "", 0, 0600, false, e) < 0)
		return -1;
	copy = filecopy_make(dir, file, st, name, e);
	if (copy < 0 || filecopy_place(dir, copy, name, COPY, e) < 0)
		return -1;
	/* by its name: a file that began without one is called by its number */
	return path_open(dir, COPY, O_PATH | O_NOFOLLOW, 0, PATH_NO_SYMLINKS, e);
}

static int
copy_bind(struct mounts *m, size_t n, int root, struct error *e)
{
	const struct run_source *source = &m->request->sources[n];
	autofd int from = path_try_open(root, source->path, O_RDONLY | O_NONBLOCK, 0, PATH_IN_ROOT);
	struct stat st;

	if (from < 0 || fstat(from, &st) < 0)
		return error_sys(e, "cannot open '%s' of %s", source->path, source->name);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return error_set(e, ERR_STEP, "'%s' of %s is neither a file nor a folder",
		    source->path, source->name);
	fd_close_at(&m->opened[n].source);
	m->opened[n].source =
	    S_ISDIR(st.st_mode) ? copy_folder(m, root, source, &st, e) : copy_file(m, from, &st, e);
	return m->opened[n].source < 0 ? -1 : 0;
}

static int
open_bind(struct mounts *m, size_t n, struct error *e)
{
	const struct run_source *source = &m->request->sources[n];
	autofd int root = mount_files(m, n, e);

	if (root < 0)
		return -1;
	m->opened[n].source = path_try_open(root, source->path, O_PATH, 0, PATH_IN_ROOT);
	if (m->opened[n].source >= 0)
		return m->request->way == MOUNTS_MOVED ? copy_bind(m, n, root, e) : 0;
	if (errno != ENOENT && errno != ENOTDIR)
		return error_sys(e, "cannot open '%s' of %s", source->path, source->name);
	return error_set(e, ERR_STEP, "there is no '%s' in %s", source->path, source->name);
}

/* ---- cache ---- */

static struct owner
owner_of(const struct mountspec *spec)
{
	return (struct owner){ spec->has_uid ? spec->uid : 0, spec->has_gid ? spec->gid : 0 };
}

struct waiting {
	const struct mounts *m;
	const struct mountspec *spec;
};

static void
tell_waiting(void *arg)
{
	const struct waiting *w = arg;
	autofree char *text = xasprintf(
	    "waiting for the cache mount '%s', which another step has locked", w->spec->id);

	if (w->m->request->note)
		w->m->request->note(w->m->request->note_arg, text);
}

int
mounts_give_cache(int fs, const struct mountspec *spec, bool recorded, struct error *e)
{
	const struct owner owner = owner_of(spec);
	int given = recorded ? owner_set(fs, &owner) : fchown(fs, owner.uid, owner.gid);

	if (given < 0)
		return error_sys(e, "cannot give a cache mount to %u:%u", (unsigned)spec->uid,
		    (unsigned)spec->gid);
	return fchmod(fs, spec->mode) < 0 ? error_sys(e, "cannot set the mode of a cache mount")
	                                  : 0;
}

/* What a fresh one begins with. */
static int
seed(struct mounts *m, size_t n, struct error *e)
{
	const struct plan_mount *mount = &m->request->step->mounts[n];
	const struct run_source *source = &m->request->sources[n];
	struct store_mount *cache = &m->opened[n].cache;
	autofd int files = -1;

	if (mount->has_files) {
		files = source->chain.snapshots.count > 0
		            ? chain_open(m->request->store, &source->chain, e)
		            : store_tmp_dir(m->request->store, NULL, e);
		if (files < 0)
			return -1;
		if (seed_directory(files, source->path, source->name, cache->fs, e) < 0)
			return -1;
	}
	return mounts_give_cache(cache->fs, &mount->spec, m->request->recorded, e);
}

static int
open_cache_once(struct mounts *m, size_t n, struct error *e)
{
	static const enum store_mount_use uses[] = {
		[MOUNT_SHARED] = STORE_MOUNT_SHARED,
		[MOUNT_PRIVATE] = STORE_MOUNT_PRIVATE,
		[MOUNT_LOCKED] = STORE_MOUNT_LOCKED,
	};
	const struct mountspec *spec = &m->request->step->mounts[n].spec;
	struct waiting waiting = { m, spec };
	struct store_mount *cache = &m->opened[n].cache;

	enum store_mount_use use = uses[spec->sharing];

	/* it can be at one place only */
	if (m->request->way == MOUNTS_MOVED && use == STORE_MOUNT_SHARED)
		use = STORE_MOUNT_LOCKED;
	if (store_mount_open(m->request->store, spec->id, use, tell_waiting, &waiting, cache, e) <
	    0)
		return -1;
	if (cache->is_empty && seed(m, n, e) < 0)
		return -1;
	return store_mount_commit(cache, e);
}

/* Another mount of the step that has the same cache open: the lock is the step's. NULL. */
static const struct opened *
find_holder(const struct mounts *m, const char *id)
{
	const struct plan_step *step = m->request->step;

	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].spec.type == MOUNT_CACHE && m->opened[n].cache.dir >= 0 &&
		    strcmp(step->mounts[n].spec.id, id) == 0)
			return &m->opened[n];
	return NULL;
}

static int
open_cache(struct mounts *m, size_t n, struct error *e)
{
	const struct plan_mount *mount = &m->request->step->mounts[n];
	const struct mountspec *spec = &mount->spec;
	const char *path = mount->has_files || !spec->source ? "." : spec->source;
	const struct owner owner = owner_of(spec);
	const struct opened *holder = find_holder(m, spec->id);
	int opened = 0;

	if (holder && m->request->way == MOUNTS_MOVED)
		return error_set(e, ERR_HOST,
		    "without mounts the cache '%s' can be at one place of a command only",
		    spec->id);
	/* another process may have been faster with a fresh one */
	while (!holder && (opened = open_cache_once(m, n, e)) > 0)
		;
	if (opened < 0)
		return -1;
	if (!holder)
		holder = &m->opened[n];
	m->opened[n].source =
	    owner_make_dirs(holder->cache.fs, path, &owner, m->request->recorded, e);
	return m->opened[n].source < 0 ? -1 : 0;
}

/* ---- secrets and agents ---- */

/* The tmpfs that they are files on; without mounts a folder, for sockets alone. */
static int
open_tmpfs(struct mounts *m, struct error *e)
{
	if (m->secrets < 0 && m->request->way != MOUNTS_BOUND)
		m->secrets = store_tmp_dir(m->request->store, NULL, e);
	if (m->secrets >= 0 || m->request->way != MOUNTS_BOUND)
		return m->secrets;
	m->secrets = mount_new("tmpfs", "mode=0700,size=64m,nr_inodes=4096",
	    MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC, e);
	if (m->secrets < 0 || attach(m->request->store, m->secrets, e) < 0)
		return -1;
	return m->secrets;
}

static int
give_file(const struct mounts *m, int fd, const struct mountspec *spec, struct error *e)
{
	const struct owner owner = owner_of(spec);
	int given = m->request->recorded ? owner_set(fd, &owner) : fchown(fd, owner.uid, owner.gid);

	if (given < 0)
		return error_sys(
		    e, "cannot give it to %u:%u", (unsigned)spec->uid, (unsigned)spec->gid);
	return fchmod(fd, spec->mode) < 0 ? error_sys(e, "cannot set its mode") : 0;
}

/* A socket: it cannot be opened, and has no attributes. */
static int
give_socket(const struct mounts *m, int dir, const char *name, const struct mountspec *spec,
    struct error *e)
{
	const struct owner owner = owner_of(spec);
	int given = m->request->recorded
	                ? owner_set_at(dir, name, &owner)
	                : fchownat(dir, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW);

	if (given < 0)
		return error_sys(
		    e, "cannot give it to %u:%u", (unsigned)spec->uid, (unsigned)spec->gid);
	return fchmodat(dir, name, spec->mode, 0) < 0 ? error_sys(e, "cannot set its mode") : 0;
}

static int
add_variable(struct mounts *m, const char *name, const struct run_secret *secret, struct error *e)
{
	autofree char *value = NULL;

	if (memchr(secret->bytes, '\0', secret->length))
		return error_set(e, ERR_USAGE,
		    "secret '%s' has a NUL byte, and cannot be the value of $%s", secret->id, name);
	value = xstrndup(secret->bytes, secret->length);
	env_set(&m->environment, name, value);
	explicit_bzero(value, secret->length);
	return 0;
}

static const struct run_secret *
find_secret(const struct mounts_request *request, const char *id)
{
	for (size_t n = 0; n < request->n_secrets; n++)
		if (strcmp(request->secrets[n].id, id) == 0)
			return &request->secrets[n];
	return NULL;
}

static int
write_secret(struct mounts *m, size_t n, const struct run_secret *secret, struct error *e)
{
	const struct mountspec *spec = &m->request->step->mounts[n].spec;
	bool is_nameless = m->request->way == MOUNTS_ANSWERED;
	int dir = is_nameless ? -1 : open_tmpfs(m, e);
	autofd int fd = -1;
	char name[32];

	if (dir < 0 && !is_nameless)
		return -1;
	(void)snprintf(name, sizeof(name), "%zu", n);
	fd = dir < 0
	         ? memfd_create(name, MFD_CLOEXEC)
	         : openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return error_sys(e, "cannot make a file for the secret");
	if (fd_write_all(fd, secret->bytes, secret->length, e) < 0 || give_file(m, fd, spec, e) < 0)
		return -1;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	m->opened[n].source = open(name, O_PATH | O_CLOEXEC);
	return m->opened[n].source < 0 ? error_sys(e, "cannot open the secret") : 0;
}

static int
open_secret(struct mounts *m, size_t n, struct error *e)
{
	const struct plan_mount *mount = &m->request->step->mounts[n];
	const struct run_secret *secret = find_secret(m->request, mount->spec.id);

	if (!secret && mount->spec.required)
		return error_set(
		    e, ERR_USAGE, "the secret '%s' is required, and was not given", mount->spec.id);
	if (!secret)
		return 0;
	if (mount->spec.env && add_variable(m, mount->spec.env, secret, e) < 0)
		return -1;
	return mount->target ? write_secret(m, n, secret, e) : 0;
}

static const struct run_agent *
find_agent(const struct mounts_request *request, const char *id)
{
	for (size_t n = 0; n < request->n_agents; n++)
		if (strcmp(request->agents[n].id, id) == 0)
			return &request->agents[n];
	return NULL;
}

static int
open_agent(struct mounts *m, size_t n, struct error *e)
{
	const struct plan_mount *mount = &m->request->step->mounts[n];
	const struct run_agent *agent = find_agent(m->request, mount->spec.id);
	char name[32];
	int dir;

	if (!agent && mount->spec.required)
		return error_set(e, ERR_USAGE, "the ssh agent '%s' is required, and was not given",
		    mount->spec.id);
	if (!agent)
		return 0;
	dir = open_tmpfs(m, e);
	if (dir < 0)
		return -1;
	snprintf(name, sizeof(name), "%zu", n);
	m->opened[n].agent = agent_serve(dir, name, agent->socket, e);
	if (m->opened[n].agent < 0 || give_socket(m, dir, name, &mount->spec, e) < 0)
		return -1;
	m->opened[n].source = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (m->opened[n].source < 0)
		return error_sys(e, "cannot open the socket of an ssh agent");
	if (!env_get(&m->environment, "SSH_AUTH_SOCK"))
		env_set(&m->environment, "SSH_AUTH_SOCK", mount->target);
	return 0;
}

/* ---- the whole ---- */

/* The container makes it; or it is a folder. */
static int
open_memory(struct mounts *m, size_t n, struct error *e)
{
	const struct mountspec *spec = &m->request->step->mounts[n].spec;
	autofd int dir = -1;

	if (m->request->way != MOUNTS_MOVED)
		return 0;
	if (spec->size > 0)
		return error_set(
		    e, ERR_HOST, "size=: without mounts it is a folder, which has no limit");
	dir = store_tmp_dir(m->request->store, NULL, e);
	if (dir < 0)
		return -1;
	if (mkdirat(dir, COPY, 0700) < 0 || fchmodat(dir, COPY, 01777, 0) < 0)
		return error_sys(e, "cannot make a folder");
	m->opened[n].source = openat(dir, COPY, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return m->opened[n].source < 0 ? error_sys(e, "cannot open a folder") : 0;
}

static int
open_one(struct mounts *m, size_t n, struct error *e)
{
	static int (*const openers[])(struct mounts *, size_t, struct error *) = {
		[MOUNT_BIND] = open_bind,
		[MOUNT_CACHE] = open_cache,
		[MOUNT_TMPFS] = open_memory,
		[MOUNT_SECRET] = open_secret,
		[MOUNT_SSH] = open_agent,
	};
	const struct plan_mount *mount = &m->request->step->mounts[n];

	if (openers[mount->spec.type](m, n, e) == 0)
		return 0;
	return error_ctx(e, "RUN --mount=type=%s%s%s", mount_type_names[mount->spec.type],
	    mount->target ? ",target=" : "", mount->target ? mount->target : "");
}

/* Locks are taken in one order by everybody, so that no two steps wait for each other. */
static int
open_caches(struct mounts *m, struct error *e)
{
	const struct plan_step *step = m->request->step;
	autofree size_t *order = xcalloc(step->n_mounts + 1, sizeof(*order));
	size_t count = 0;

	for (size_t n = 0; n < step->n_mounts; n++) {
		size_t at = count;

		if (step->mounts[n].spec.type != MOUNT_CACHE)
			continue;
		for (; at > 0 && store_mount_compare(step->mounts[order[at - 1]].spec.id,
				     step->mounts[n].spec.id) > 0;
		     at--)
			order[at] = order[at - 1];
		order[at] = n;
		count++;
	}
	for (size_t k = 0; k < count; k++)
		if (open_one(m, order[k], e) < 0)
			return -1;
	return 0;
}

static int
lend_caches(struct mounts *m, struct error *e)
{
	for (size_t n = 0; n < m->request->step->n_mounts; n++) {
		struct opened *o = &m->opened[n];

		if (o->cache.dir < 0 || m->request->way != MOUNTS_MOVED)
			continue;
		if (store_mount_lend(&o->cache, e) < 0)
			return -1;
		o->is_lent = true;
	}
	return 0;
}

static int
open_all(struct mounts *m, struct error *e)
{
	const struct plan_step *step = m->request->step;

	for (size_t n = 0; n < step->n_mounts; n++)
		if (step->mounts[n].spec.type != MOUNT_CACHE && open_one(m, n, e) < 0)
			return -1;
	return open_caches(m, e) < 0 ? -1 : lend_caches(m, e);
}

static void
add_item(struct mounts *m, size_t n)
{
	const struct plan_mount *mount = &m->request->step->mounts[n];
	bool is_tmpfs = mount->spec.type == MOUNT_TMPFS && m->request->way != MOUNTS_MOVED;
	bool is_secret = mount->spec.type == MOUNT_SECRET || mount->spec.type == MOUNT_SSH;

	if (!is_tmpfs && m->opened[n].source < 0)
		return;
	m->items[m->n_items++] = (struct container_mount){
		.kind = is_tmpfs ? CONTAINER_MOUNT_TMPFS : CONTAINER_MOUNT_BIND,
		.target = mount->target,
		.source = m->opened[n].source,
		.size = mount->spec.size,
		.flags =
		    (m->request->way == MOUNTS_MOVED ? CONTAINER_MOUNT_OWN : 0U) |
		    (mount->spec.read_only ? CONTAINER_MOUNT_READ_ONLY : 0U) |
		    (is_tmpfs || is_secret ? CONTAINER_MOUNT_NOSUID | CONTAINER_MOUNT_NODEV : 0U) |
		    (is_secret ? CONTAINER_MOUNT_NOEXEC : 0U),
	};
}

static int
compare_targets(const void *a, const void *b)
{
	const struct container_mount *x = a, *y = b;

	return strcmp(x->target, y->target);
}

struct mounts *
mounts_open(const struct mounts_request *request, struct error *e)
{
	struct mounts *m = xcalloc(1, sizeof(*m));
	size_t n_mounts = request->step->n_mounts;

	m->request = request;
	m->secrets = -1;
	m->opened = xcalloc(n_mounts + 1, sizeof(*m->opened));
	m->items = xcalloc(n_mounts + 1, sizeof(*m->items));
	for (size_t n = 0; n < n_mounts; n++)
		m->opened[n] = (struct opened){ .source = -1,
			.root = -1,
			.upper = SNAPSHOT_WRITER_INIT,
			.cache = STORE_MOUNT_INIT };
	if (open_all(m, e) < 0) {
		mounts_close(m);
		return NULL;
	}
	for (size_t n = 0; n < n_mounts; n++)
		add_item(m, n);
	if (m->n_items > 1)
		qsort(m->items, m->n_items, sizeof(*m->items), compare_targets);
	return m;
}

const struct container_mount *
mounts_items(const struct mounts *m, size_t *count)
{
	*count = m->n_items;
	return m->items;
}

const struct strv *
mounts_environment(const struct mounts *m)
{
	return &m->environment;
}

void
mounts_wipe(struct strv *environment)
{
	for (size_t n = 0; n < environment->count; n++)
		explicit_bzero(environment->items[n], strlen(environment->items[n]));
	strv_release(environment);
}

/* What the command has removed or moved stays lent: the next step that uses it begins anew. */
static int
take_back(struct store_mount *cache, struct error *e)
{
	auto(inodes) struct inodes several = { 0 };
	int is_back = store_mount_is_back(cache, e);

	if (is_back <= 0)
		return is_back;
	if (links_count(cache->fs, &several, e) < 0 || links_break(cache->fs, &several, e) < 0)
		return -1;
	return store_mount_returned(cache, e);
}

int
mounts_take_back(struct mounts *m, struct error *e)
{
	for (size_t n = 0; n < m->request->step->n_mounts; n++)
		if (m->opened[n].is_lent && take_back(&m->opened[n].cache, e) < 0)
			return error_ctx(
			    e, "the cache mount '%s'", m->request->step->mounts[n].spec.id);
	return 0;
}

void
mounts_close(struct mounts *m)
{
	if (!m)
		return;
	for (size_t n = 0; n < m->request->step->n_mounts; n++) {
		struct opened *o = &m->opened[n];

		agent_end(o->agent);
		fd_close_at(&o->source);
		detach(&o->root);
		snapshot_writer_release(&o->upper);
		if (o->cache.dir >= 0)
			store_mount_close(&o->cache);
	}
	if (m->request->way != MOUNTS_BOUND)
		fd_close_at(&m->secrets);
	else
		detach(&m->secrets);
	mounts_wipe(&m->environment);
	free(m->opened);
	free(m->items);
	free(m);
}
