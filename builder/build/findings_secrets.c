/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings_secrets - private keys and tokens in the layers of the steps.
 *
 * Names choose the files, their content decides. A file that a later step removes is still in its layer, and so in the
 * image; layers of the base image are somebody else's. No byte of a secret is ever shown.
 */
#include "builder/build/findings.h"

#include "builder/layer/apply.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

/* Files of one layer, and bytes of one, that are looked at. */
#define FILES_MAX 200
#define BYTES_MAX (64U << 10)

struct kind {
	const char *what;
	const char *const names[8];    /* a whole name, or "*" and the end of one */
	const char *const folder;      /* that it is in; NULL: any */
	const char *const contents[5]; /* one of them is in it; in any case of letters */
};

#define PRIVATE_KEY "PRIVATE KEY-----"

static const struct kind kinds[] = {
	{ "a private key",
	    { "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.pem", "*.key", "*_key" }, NULL,
	    { PRIVATE_KEY } },
	{ "a token of npm", { ".npmrc" }, NULL, { "_authtoken", "_password", "_auth=" } },
	{ "a token of yarn", { ".yarnrc.yml" }, NULL, { "npmauthtoken:", "npmauthident:" } },
	{ "a password", { ".netrc", "_netrc" }, NULL, { "password" } },
	{ "a password of git", { ".git-credentials" }, NULL, { "://" } },
	{ "a password of PostgreSQL", { ".pgpass" }, NULL, { ":" } },
	{ "a password of PyPI", { ".pypirc" }, NULL, { "password" } },
	{ "a token of cargo", { "credentials.toml" }, ".cargo", { "token" } },
	{ "a key of AWS", { "credentials" }, ".aws", { "aws_secret_access_key" } },
	{ "a password of a registry", { "config.json" }, ".docker",
	    { "\"auth\"", "identitytoken" } },
	{ "a password of a registry", { "auth.json" }, "containers", { "\"auth\"" } },
	{ "a key of Google Cloud", { "application_default_credentials.json", "*.json" }, "gcloud",
	    { "private_key", "refresh_token" } },
	{ "a key of Kubernetes", { "config" }, ".kube",
	    { "client-key-data", "token:", "password:" } },
	{ "secrets of the environment", { ".env", "*.env" }, NULL,
	    { "secret", "password=", "token=", PRIVATE_KEY } },
};

/* Where packages put keys of their tests and documentation. */
static bool
is_of_a_package(const char *path)
{
	static const char *const parts[] = { "node_modules/", "site-packages/", "dist-packages/",
		"usr/lib/", "usr/share/", "usr/local/lib/", "usr/local/go/", "/test/", "/tests/",
		"/testdata/", "go/pkg/mod/" };

	for (size_t n = 0; n < ARRAY_LEN(parts); n++)
		if (strstr(path, parts[n]))
			return true;
	return false;
}

static bool
has_name(const struct kind *kind, const char *name)
{
	for (size_t n = 0; n < ARRAY_LEN(kind->names) && kind->names[n]; n++) {
		const char *wanted = kind->names[n];

		if (wanted[0] == '*' ? text_ends_with(name, wanted + 1) : strcmp(name, wanted) == 0)
			return true;
	}
	return false;
}

static bool
is_in(const char *path, const char *folder)
{
	const char *base = path_base(path);
	size_t n = strlen(folder);

	if (base - path < (ptrdiff_t)n + 1)
		return false;
	return strncmp(base - 1 - n, folder, n) == 0 &&
	       (base - 1 - n == path || base[-2 - (ptrdiff_t)n] == '/');
}

/* Could a file of that name be of some kind, wherever it is? */
static bool
is_any_name(const char *name)
{
	for (size_t n = 0; n < ARRAY_LEN(kinds); n++)
		if (has_name(&kinds[n], name))
			return true;
	return false;
}

static const struct kind *
kind_of(const char *path)
{
	const char *name = path_base(path);

	for (size_t n = 0; n < ARRAY_LEN(kinds); n++)
		if (has_name(&kinds[n], name) && (!kinds[n].folder || is_in(path, kinds[n].folder)))
			return &kinds[n];
	return NULL;
}

static bool
holds(const struct kind *kind, const struct buf *text)
{
	for (size_t n = 0; n < ARRAY_LEN(kind->contents) && kind->contents[n]; n++)
		if (strcasestr(buf_text(text), kind->contents[n]))
			return true;
	return false;
}

static void
choose(const struct final_layer *layer, struct strv *paths)
{
	size_t count = listing_count(layer->listing);

	for (size_t n = 0; n < count && paths->count < FILES_MAX; n++) {
		auto(buf) struct buf path = { 0 };
		struct listing_item item;

		listing_at(layer->listing, n, &item);
		if (!S_ISREG(item.mode) || item.size == 0 || item.flags & LISTING_HARDLINK)
			continue;
		/* the name alone first: paths of all files would be costly */
		if (!is_any_name(item.name))
			continue;
		listing_add_path(layer->listing, n, &path);
		if (kind_of(buf_text(&path)) && !is_of_a_package(buf_text(&path)) &&
		    !strchr(buf_text(&path), '\n'))
			strv_add(paths, buf_text(&path));
	}
}

static void
add_secret(
    struct look *l, const struct final_layer *layer, const char *path, const struct kind *kind)
{
	bool removed =
	    final_tree_layer(&l->tree, path) != layer || !final_tree_has(&l->tree, path, NULL);

	if (removed && l->b->options->squash != BUILD_SQUASH_NONE)
		return; /* the one layer that is left does not have it */
	findings_add(l, "SecretInLayer", layer->line,
	    xasprintf("'/%s' looks like %s, and stays in the image%s", path, kind->what,
		removed ? ": removing it in a later step does not take it out of this one's layer"
			: ""),
	    xstrdup("leave it out (.dockerignore), or give it to the step that needs it: RUN "
		    "--mount=type=secret,id=NAME"));
}

static int
check_layer(struct look *l, const struct final_layer *layer, struct error *e)
{
	auto(strv) struct strv paths = { 0 };
	struct buf *texts;
	int ok;

	choose(layer, &paths);
	if (paths.count == 0)
		return 0;
	texts = xcalloc(paths.count, sizeof(*texts));
	ok = final_tree_texts(&l->tree, layer, &paths, BYTES_MAX, texts, e);
	for (size_t n = 0; n < paths.count; n++) {
		const struct kind *kind = kind_of(paths.items[n]);

		if (ok == 0 && holds(kind, &texts[n]))
			add_secret(l, layer, paths.items[n], kind);
		buf_release(&texts[n]);
	}
	free(texts);
	return ok;
}

int
findings_secrets(struct look *l, struct error *e)
{
	for (size_t n = 0; n < l->tree.count; n++)
		if (!l->tree.layers[n].is_base && check_layer(l, &l->tree.layers[n], e) < 0)
			return -1;
	return 0;
}
