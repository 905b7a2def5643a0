/* SPDX-License-Identifier: Apache-2.0 */
/*
 * certs - certs.d: certificates for one registry.
 */
#include "builder/registry/certs.h"

#include "builder/registry/files.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

void
certs_release(struct certs *c)
{
	free(c->ca);
	free(c->cert);
	mem_free_secret_at(&c->key);
	*c = (struct certs){ 0 };
}

static int
read_part(const char *dir, const char *name, struct buf *b, struct error *e)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	int found = files_read(path, b, e);

	if (found != 0)
		return found;
	return error_set(e, ERR_INPUT, "'%s' is missing", path);
}

static int
take(struct certs *c, const char *dir, const struct strv *names, struct error *e)
{
	auto(buf) struct buf ca = { 0 };

	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];

		if (text_ends_with(name, ".crt")) {
			if (read_part(dir, name, &ca, e) < 0)
				return -1;
			buf_add_char(&ca, '\n');
		} else if (text_ends_with(name, ".cert") && !c->cert) {
			auto(buf) struct buf cert = { 0 };
			auto(buf) struct buf key = { 0 };
			autofree char *key_name =
			    xasprintf("%.*s.key", (int)(strlen(name) - strlen(".cert")), name);

			if (read_part(dir, name, &cert, e) < 0 ||
			    read_part(dir, key_name, &key, e) < 0)
				return -1;
			c->cert = buf_steal(&cert);
			c->key = buf_steal(&key);
		}
	}
	if (ca.len > 0)
		c->ca = buf_steal(&ca);
	return 0;
}

int
certs_load(struct certs *c, const char *dir, const char *host, struct error *e)
{
	autofree char *own = files_config("containers/certs.d");
	const char *const roots[] = { own, "/etc/containers/certs.d", "/etc/docker/certs.d" };
	auto(strv) struct strv names = { 0 };
	int found;

	if (dir) {
		found = files_list(dir, &names, e);
		if (found == 0)
			return error_set(e, ERR_USAGE, "--cert-dir: no directory '%s'", dir);
		return found < 0 ? -1 : take(c, dir, &names, e);
	}
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		autofree char *path = roots[i] ? xasprintf("%s/%s", roots[i], host) : NULL;

		found = files_list(path, &names, e);
		if (found < 0)
			return -1;
		if (found > 0)
			return take(c, path, &names, e);
	}
	return 0;
}
