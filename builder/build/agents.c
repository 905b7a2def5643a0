/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agents - the ssh agents of a build.
 *
 * Keys are never read here: the ssh-agent and ssh-add programs of the host do that. Their socket is in a folder of the store that only
 * descriptors lead to, as its path may be longer than an address may be.
 */
#include "builder/build/agents.h"

#include "runtime/base/fd.h"
#include "runtime/base/mem.h"
#include "runtime/base/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TRIES 250
#define START_PAUSE 20000000L /* nanoseconds: 5 s in all */

struct started {
	pid_t pid; /* 0: the user's own agent */
	int dir;   /* of its socket; -1 */
	char *path;
};

struct agents {
	struct started *started;
	struct run_agent *list;
	size_t count;
};

bool
agents_wanted(const struct build *b)
{
	for (size_t s = 0; b->options->n_agents > 0 && s < b->plan.n_stages; s++) {
		for (size_t i = 0; i < b->plan.stages[s].n_steps; i++) {
			const struct plan_step *step = &b->plan.stages[s].steps[i];

			for (size_t n = 0; n < step->n_mounts; n++)
				if (b->stages[s].steps[i].run &&
				    step->mounts[n].spec.type == MOUNT_SSH)
					return true;
		}
	}
	return false;
}

static int
need_program(const char *name, char **path, struct error *e)
{
	*path = process_find(name);
	if (*path)
		return 0;
	(void)error_set(
	    e, ERR_HOST, "--ssh with a key needs the program %s, which is not here", name);
	return error_hint(e, "install OpenSSH's client, or give the socket of a running agent");
}

static int
spawn_agent(struct started *s, struct error *e)
{
	autofree char *program = NULL;
	char *argv[] = { (char[]){ "ssh-agent" }, (char[]){ "-D" }, (char[]){ "-a" }, s->path,
		NULL };
	struct process_spec spec = {
		.argv = argv, .in = -1, .out = -1, .err = -1, .keep = &s->dir, .n_keep = 1
	};

	if (need_program("ssh-agent", &program, e) < 0)
		return -1;
	spec.path = program;
	s->pid = process_spawn(&spec, e);
	return s->pid < 0 ? -1 : 0;
}

/* Waits until its socket is there. */
static int
await_socket(const struct started *s, struct error *e)
{
	const struct timespec pause = { .tv_nsec = START_PAUSE };
	struct stat st;

	for (int i = 0; i < START_TRIES; i++) {
		if (fstatat(s->dir, "s", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
			return 0;
		(void)nanosleep(&pause, NULL); /* woken early: asks again early */
	}
	return error_set(e, ERR_HOST, "ssh-agent has not made its socket within 5 seconds");
}

static int
add_key(const struct started *s, const char *key, struct error *e)
{
	autofree char *program = NULL;
	auto(strv) struct strv environment = { 0 };
	autofree char *file = xstrdup(key);
	char *argv[] = { (char[]){ "ssh-add" }, (char[]){ "-q" }, file, NULL };
	struct process_spec spec = {
		.argv = argv, .in = -1, .out = -1, .err = -1, .keep = &s->dir, .n_keep = 1
	};
	int status;

	if (need_program("ssh-add", &program, e) < 0)
		return -1;
	for (char **item = environ; item && *item; item++)
		strv_add(&environment, *item);
	env_set(&environment, "SSH_AUTH_SOCK", s->path);
	env_set(&environment, "SSH_ASKPASS_REQUIRE", "never");
	spec.path = program;
	spec.envp = strv_array(&environment);
	status = process_run(&spec, NULL, 0, e);
	if (status <= 0)
		return status;
	(void)error_set(e, ERR_USAGE, "ssh-add does not take the key '%s'", key);
	return error_hint(e,
	    "a key has mode 0600; one with a passphrase is for an agent: ssh-add %s, then --ssh "
	    "default",
	    key);
}

static int
start_one(struct store *store, struct started *s, const struct build_agent *given, struct error *e)
{
	s->dir = store_tmp_dir(store, NULL, e);
	if (s->dir < 0)
		return -1;
	s->path = xasprintf("/proc/self/fd/%d/s", s->dir);
	if (spawn_agent(s, e) < 0 || await_socket(s, e) < 0)
		return -1;
	for (size_t i = 0; i < given->keys.count; i++)
		if (add_key(s, given->keys.items[i], e) < 0)
			return -1;
	return 0;
}

struct agents *
agents_start(struct store *store, const struct build_agent *given, size_t count, struct error *e)
{
	struct agents *a = xcalloc(1, sizeof(*a));

	a->started = xcalloc(count + 1, sizeof(*a->started));
	a->list = xcalloc(count + 1, sizeof(*a->list));
	for (size_t i = 0; i < count; i++)
		a->started[a->count++] = (struct started){ .dir = -1 };
	for (size_t i = 0; i < count; i++) {
		if (!given[i].socket && start_one(store, &a->started[i], &given[i], e) < 0) {
			agents_stop(a);
			(void)error_ctx(e, "--ssh %s", given[i].id);
			return NULL;
		}
		a->list[i] = (struct run_agent){ given[i].id,
			given[i].socket ? given[i].socket : a->started[i].path };
	}
	return a;
}

const struct run_agent *
agents_list(const struct agents *a, size_t *count)
{
	*count = a->count;
	return a->list;
}

void
agents_stop(struct agents *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->count; i++) {
		struct started *s = &a->started[i];

		if (s->pid > 0) {
			(void)kill(s->pid, SIGTERM);    /* removes its socket */
			(void)waitpid(s->pid, NULL, 0); /* ours: nothing else waits for it */
		}
		fd_close_at(&s->dir);
		free(s->path);
	}
	free(a->started);
	free(a->list);
	free(a);
}
