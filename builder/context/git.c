/* SPDX-License-Identifier: Apache-2.0 */
/*
 * git - a repository as files, by the git program.
 *
 * One worker confines itself and then starts git several times: fetch what is wanted (one commit deep where the server gives
 * it), look at the commit, check it out, and its submodules. Below the directory:
 *
 *	home/.gitconfig   all of the configuration
 *	tree/             the files, with .git until the end
 */
#include "builder/context/git.h"

#include "builder/context/traverse.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/process.h"
#include "runtime/base/text.h"
#include "runtime/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_MAX (64U << 10)
#define RULES_MAX 24

static const char config_text[] =
    "[core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\tautocrlf = false\n"
    "\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n"
    "\tlogAllRefUpdates = false\n\tprotectHFS = true\n\tprotectNTFS = true\n"
    "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n"
    "[fetch]\n\trecurseSubmodules = false\n[submodule]\n\trecurse = false\n"
    "[safe]\n\tdirectory = *\n[advice]\n\tdetachedHead = false\n"
    "[credential]\n\thelper =\n[init]\n\tdefaultBranch = main\n"
    "[http]\n\tlowSpeedLimit = 1\n\tlowSpeedTime = 60\n";

struct git {
	const struct git_request *request;
	const char *program;
	char *tree; /* absolute path of the files */
	struct strv env;
	bool own_protocols; /* file: too */
};

/* ---- the program ---- */

/* Variables of the user's that say how to reach servers, and nothing else. */
static void
make_environment(struct git *g, const char *home)
{
	static const char *const kept[] = { "PATH", "SSH_AUTH_SOCK", "http_proxy", "https_proxy",
		"HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY", "SSL_CERT_FILE",
		"SSL_CERT_DIR" };
	static const char *const fixed[][2] = {
		{ "LC_ALL", "C" },
		{ "GIT_CONFIG_NOSYSTEM", "1" },
		{ "GIT_ATTR_NOSYSTEM", "1" },
		{ "GIT_TERMINAL_PROMPT", "0" },
		{ "GIT_ASKPASS", "true" },
		{ "GIT_SSH_COMMAND",
		    "ssh -oBatchMode=yes -oClearAllForwardings=yes -oPermitLocalCommand=no" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (getenv(kept[i]))
			env_set(&g->env, kept[i], getenv(kept[i]));
	for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
		env_set(&g->env, fixed[i][0], fixed[i][1]);
	env_set(&g->env, "HOME", home);
	env_set(&g->env, "TMPDIR", home);
	env_set(&g->env, "GIT_TEMPLATE_DIR", home);
}

static void
allow_protocols(struct git *g, bool own)
{
	env_set(
	    &g->env, "GIT_ALLOW_PROTOCOL", own ? "http:https:ssh:git:file" : "http:https:ssh:git");
}

/* A user and password in the URL are nobody's business. */
static void
hide_user(const char *url, struct buf *text)
{
	const char *start = strstr(url, "://"), *end;
	autofree char *user = NULL;
	char *at;

	start = start ? start + 3 : url;
	end = memrchr(start, '@', strcspn(start, "/?#"));
	if (!end || !memchr(start, ':', (size_t)(end - start)))
		return;
	user = xstrndup(start, (size_t)(end - start));
	while (text->len > 0 && (at = strstr(text->data, user)) != NULL)
		memset(at, '*', strlen(user));
}

/* The last lines that git wrote, in one. */
static int
git_failed(const struct git *g, const char *what, int errors, struct error *e)
{
	auto(buf) struct buf text = { 0 };
	auto(strv) struct strv lines = { 0 };
	struct error ignored = ERROR_INIT;
	const char *last = "";

	if (lseek(errors, 0, SEEK_SET) == 0)
		(void)fd_read_all(errors, &text, OUTPUT_MAX, "git", &ignored);
	buf_add_text(&text, "");
	hide_user(g->request->source->url, &text);
	strv_split(&lines, buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count; i++)
		if (text_starts_with(lines.items[i], "fatal: ") ||
		    text_starts_with(lines.items[i], "error: "))
			last = lines.items[i] + 7;
	for (size_t i = lines.count; *last == '\0' && i-- > 0;)
		last = lines.items[i];
	return error_set(
	    e, ERR_NETWORK, "git %s: %s", what, *last ? last : "it failed and says nothing");
}

/* git -C TREE @words. @out (may be NULL) gets what it prints, without the line end. */
static int
git_run(struct git *g, const char *const *words, struct buf *out, struct error *e)
{
	auto(strv) struct strv argv = { 0 };
	autofd int errors = memfd_create("git", MFD_CLOEXEC);
	struct process_spec spec = {
		.path = g->program, .envp = strv_array(&g->env), .in = -1, .out = -1, .err = errors
	};
	int status;

	if (errors < 0)
		return error_sys(e, "cannot make a file in memory");
	strv_add(&argv, "git");
	strv_add(&argv, "-C");
	strv_add(&argv, g->tree);
	for (size_t i = 0; words[i]; i++)
		strv_add(&argv, words[i]);
	spec.argv = strv_array(&argv);
	status = process_run(&spec, out, OUTPUT_MAX, e);
	if (status < 0)
		return -1;
	while (out && out->len > 0 && out->data[out->len - 1] == '\n')
		buf_truncate(out, out->len - 1);
	return status == 0 ? 0 : git_failed(g, words[0], errors, e);
}

/* ---- confinement ---- */

static void
add_rule(struct landlock_rule *rules, size_t *n, const char *path, enum landlock_access access)
{
	struct error ignored = ERROR_INIT; /* what is not there needs no rule */
	int fd = *n < RULES_MAX ? path_open_user(path, O_PATH, 0, &ignored) : -1;

	if (fd >= 0)
		rules[(*n)++] = (struct landlock_rule){ .fd = fd, .access = access };
}

static int
confine(const struct git *g, struct error *e)
{
	static const char *const executed[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt",
		"/nix/store" };
	static const char *const read[] = { "/etc", "/proc", "/dev", "/run/systemd/resolve",
		"/run/resolvconf", "/var/lib/ca-certificates" };
	const struct resource *s = g->request->source;
	const char *home = getenv("HOME");
	autofree char *keys = xasprintf("%s/.ssh", home ? home : "/nonexistent");
	struct landlock_rule rules[RULES_MAX];
	size_t n = 0;
	int result;

	for (size_t i = 0; i < ARRAY_LEN(executed); i++)
		add_rule(rules, &n, executed[i], LANDLOCK_EXECUTE);
	for (size_t i = 0; i < ARRAY_LEN(read); i++)
		add_rule(rules, &n, read[i], LANDLOCK_READ);
	if (getenv("SSL_CERT_FILE"))
		add_rule(rules, &n, getenv("SSL_CERT_FILE"), LANDLOCK_READ);
	if (getenv("SSL_CERT_DIR"))
		add_rule(rules, &n, getenv("SSL_CERT_DIR"), LANDLOCK_READ);
	if (text_starts_with(s->url, "ssh://") || strstr(s->url, "://") == NULL)
		add_rule(rules, &n, keys, LANDLOCK_READ);
	if (g->own_protocols)
		add_rule(rules, &n, s->url + strlen("file://"), LANDLOCK_READ);
	add_rule(rules, &n, "/dev/null", LANDLOCK_WRITE);
	rules[n++] = (struct landlock_rule){ .fd = g->request->dir, .access = LANDLOCK_WRITE };
	result = landlock_restrict_client(rules, n, e);
	for (size_t i = 0; i + 1 < n; i++)
		(void)close(rules[i].fd); /* opened as a name only */
	return result < 0 ? -1 : 0;
}

/* ---- fetching ---- */

static bool
is_hex(const char *text, size_t min)
{
	size_t length = strlen(text);

	return length >= min && length <= GIT_COMMIT_MAX &&
	       strspn(text, "0123456789abcdef") == length;
}

static int
fetch_one(struct git *g, const char *what, struct error *e)
{
	const char *words[] = { "fetch", "-q", "--no-tags", "--depth=1", "--update-head-ok", "--",
		g->request->source->url, what, NULL };

	return git_run(g, words, NULL, e);
}

static int
fetch_all(struct git *g, struct error *e)
{
	const char *words[] = { "fetch", "-q", "--no-tags", "--update-head-ok", "--",
		g->request->source->url, "+refs/heads/*:refs/remotes/origin/*",
		"+refs/tags/*:refs/tags/*", NULL };

	return git_run(g, words, NULL, e);
}

static int
parse_commit(struct git *g, const char *what, const char *kind, struct buf *commit, struct error *e)
{
	autofree char *text = xasprintf("%s%s", what, kind);
	const char *words[] = { "rev-parse", "-q", "--verify", "--end-of-options", text, NULL };

	buf_clear(commit);
	if (git_run(g, words, commit, e) < 0)
		return -1;
	if (!is_hex(buf_text(commit), 40))
		return error_set(e, ERR_INPUT, "git says that '%s' is '%s', which is no commit",
		    what, buf_text(commit));
	return 0;
}

/* Fetches what was asked for; *@name is then what git knows it by. */
static int
fetch(struct git *g, const char **name, struct error *e)
{
	const struct resource *s = g->request->source;
	const char *wanted = s->ref ? s->ref : "HEAD";
	struct error all = ERROR_INIT;

	if (s->checksum && is_hex(s->checksum, 40) && (s->by_commit || !s->ref))
		wanted = s->checksum;
	*name = "FETCH_HEAD";
	if (fetch_one(g, wanted, e) == 0)
		return 0;
	if (!is_hex(wanted, 7))
		return -1;
	/* The server does not give single commits, or the commit is abbreviated: look for it in all branches and tags. */
	*name = wanted;
	if (fetch_all(g, &all) < 0)
		return -1;
	error_clear(e);
	return 0;
}

/* Is it the commit that was asked for, or the tag of it? */
static int
check_commit(struct git *g, const char *name, const char *commit, struct error *e)
{
	const char *wanted = g->request->source->checksum;
	auto(buf) struct buf object = { 0 };

	if (!wanted || text_starts_with(commit, wanted))
		return 0;
	if (parse_commit(g, name, "", &object, e) < 0)
		return -1;
	if (text_starts_with(buf_text(&object), wanted))
		return 0;
	return error_set(e, ERR_INPUT, "the commit is %s, and %s was asked for", commit, wanted);
}

static int
check_out(struct git *g, const char *commit, struct error *e)
{
	const char *words[] = { "checkout", "-q", "-f", "--detach", commit, "--", NULL };
	const char *origin[] = { "config", "remote.origin.url", g->request->source->url, NULL };

	return git_run(g, words, NULL, e) < 0 ? -1 : git_run(g, origin, NULL, e);
}

static int
commit_time(struct git *g, const char *commit, int64_t *seconds, struct error *e)
{
	const char *words[] = { "show", "-s", "--no-show-signature", "--format=%ct", commit, "--",
		NULL };
	auto(buf) struct buf text = { 0 };

	if (git_run(g, words, &text, e) < 0)
		return -1;
	return parse_i64(buf_text(&text), INT64_MIN, INT64_MAX, "time of the commit", seconds, e);
}

/* Those of a repository of this machine may come from servers, and never from this machine. */
static int
fetch_submodules(struct git *g, int tree, struct error *e)
{
	const char *shallow[] = { "submodule", "-q", "update", "--init", "--recursive", "--depth=1",
		NULL };
	const char *deep[] = { "submodule", "-q", "update", "--init", "--recursive", NULL };
	struct error first = ERROR_INIT;
	struct stat st;

	if (g->request->source->submodules == RESOURCE_NO ||
	    fstatat(tree, ".gitmodules", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERR_INPUT, "its .gitmodules is no regular file");
	allow_protocols(g, false);
	if (git_run(g, shallow, NULL, &first) == 0 || git_run(g, deep, NULL, e) == 0)
		return 0;
	(void)error_ctx(e, "submodules");
	return error_hint(e, "?submodules=false behind the URL leaves them out");
}

/* ---- what is kept ---- */

struct tidying {
	bool removes; /* everything called .git */
	bool sets_time;
	struct timespec time;
};

static int
tidy(void *arg, const struct traverse_item *item, uint32_t *token, struct error *e)
{
	const struct tidying *t = arg;
	struct timespec times[2] = { t->time, t->time };

	*token = 0;
	if (t->removes && strcmp(item->name, ".git") == 0)
		return path_remove_tree(item->dir, item->name, e) < 0 ? -1 : 0;
	if (t->sets_time && utimensat(item->dir, item->name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return error_sys(e, "cannot set the time");
	return 1;
}

/* What .git has of this very checkout: times, inode numbers, the URL with its password. */
static int
tidy_git_dir(struct git *g, int tree, struct error *e)
{
	const char *url = g->request->source->url;
	autofree char *plain = resource_shown(url);
	const char *origin[] = { "config", "remote.origin.url", plain, NULL };
	const char *index[] = { "read-tree", "HEAD", NULL };

	if ((unlinkat(tree, ".git/index", 0) < 0 || unlinkat(tree, ".git/FETCH_HEAD", 0) < 0) &&
	    errno != ENOENT)
		return error_sys(e, "cannot tidy .git");
	return git_run(g, origin, NULL, e) < 0 ? -1 : git_run(g, index, NULL, e);
}

static int
tidy_tree(struct git *g, int tree, int64_t seconds, struct error *e)
{
	struct tidying t = { .removes = !g->request->keep_git_dir,
		.sets_time = g->request->source->mtime_of_commit,
		.time = { .tv_sec = seconds } };
	struct traverse walk = { .root = tree, .start = ".", .visit = tidy, .arg = &t };

	if (!t.removes && tidy_git_dir(g, tree, e) < 0)
		return -1;
	return t.removes || t.sets_time ? traverse_run(&walk, e) : 0;
}

/* ---- the worker ---- */

static int
prepare(struct git *g, struct error *e)
{
	const char *init[] = { "init", "-q", "--template=", NULL };
	autofree char *home = xasprintf("%s/home", g->request->path);
	int dir = g->request->dir;
	autofd int home_dir = -1;

	if (mkdirat(dir, "home", 0700) < 0 || mkdirat(dir, "tree", 0755) < 0)
		return error_sys(e, "cannot make a directory for the repository");
	home_dir = openat(dir, "home", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (home_dir < 0)
		return error_sys(e, "cannot open a directory for the repository");
	if (path_write_file(
		home_dir, ".gitconfig", config_text, strlen(config_text), 0600, false, e) < 0)
		return -1;
	make_environment(g, home);
	allow_protocols(g, g->own_protocols);
	if (confine(g, e) < 0)
		return -1;
	return git_run(g, init, NULL, e);
}

static int
check_out_all(struct git *g, struct buf *commit, int64_t *seconds, struct error *e)
{
	autofd int tree = -1;
	const char *name;

	if (prepare(g, e) < 0 || fetch(g, &name, e) < 0 ||
	    parse_commit(g, name, "^{commit}", commit, e) < 0 ||
	    check_commit(g, name, buf_text(commit), e) < 0 ||
	    commit_time(g, buf_text(commit), seconds, e) < 0 ||
	    check_out(g, buf_text(commit), e) < 0)
		return -1;
	tree = openat(g->request->dir, "tree", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (tree < 0)
		return error_sys(e, "cannot open what was checked out");
	return fetch_submodules(g, tree, e) < 0 ? -1 : tidy_tree(g, tree, *seconds, e);
}

static int
git_main(void *arg, struct buf *result, struct error *e)
{
	const struct git_request *request = arg;
	autofree char *program = process_find("git");
	struct git g = { .request = request,
		.program = program,
		.own_protocols =
		    request->is_own && text_starts_with(request->source->url, "file://"),
		.tree = xasprintf("%s/tree", request->path) };
	auto(buf) struct buf commit = { 0 };
	autojson struct json *answer = json_new_object();
	int64_t seconds = 0;
	int ok;

	(void)umask(022);
	ok = check_out_all(&g, &commit, &seconds, e);
	if (ok == 0) {
		json_set_text(answer, "commit", buf_text(&commit));
		json_set(answer, "time", json_new_i64(seconds));
		json_write(answer, 0, result);
	}
	strv_release(&g.env);
	free(g.tree);
	return ok;
}

static int
read_answer(const struct buf *text, struct git_result *result, struct error *e)
{
	autojson struct json *answer = json_parse(buf_text(text), text->len, e);
	const char *commit = NULL;

	if (!answer || json_read_text(answer, "commit", "git", &commit, e) < 0 ||
	    json_read_i64(answer, "time", "git", &result->time, e) < 0)
		return -1;
	snprintf(result->commit, sizeof(result->commit), "%s", commit ? commit : "");
	return 0;
}

int
git_checkout(const struct git_request *request, struct git_result *result, struct error *e)
{
	const struct resource *s = request->source;
	autofree char *program = process_find("git");
	autofree char *path =
	    xasprintf("tree%s%s", s->subdir ? "/" : "", s->subdir ? s->subdir : "");
	auto(buf) struct buf answer = { 0 };
	struct worker worker;
	int dir;

	*result = (struct git_result){ 0 };
	if (!program) {
		error_set(e, ERR_HOST, "there is no git program to fetch a repository with");
		return error_hint(e, "install git");
	}
	if (!request->is_own && text_starts_with(s->url, "file:"))
		return error_set(
		    e, ERR_INPUT, "a repository of this machine is only read for the user");
	if (worker_start(&worker, git_main, (void *)(uintptr_t)request, e) < 0 ||
	    worker_finish(&worker, &answer, e) < 0 || read_answer(&answer, result, e) < 0)
		return -1;
	dir = traverse_open(request->dir, path, O_RDONLY | O_DIRECTORY);
	if (dir >= 0)
		return dir;
	if (errno == ENOENT)
		return error_set(
		    e, ERR_INPUT, "there is no directory '%s' in the repository", s->subdir);
	if (errno == ELOOP || errno == EXDEV || errno == ENOTDIR)
		return error_set(e, ERR_INPUT,
		    "'%s' of the repository is no directory, or leads there through a link",
		    s->subdir);
	return error_sys(e, "cannot open '%s' of the repository", s->subdir ? s->subdir : ".");
}
