/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proxies - those that docker's config.json names ("proxies", "default"), as variables of the environment.
 */
#include "builder/registry/proxies.h"

#include "builder/registry/files.h"
#include "runtime/base/mem.h"

#include <stdlib.h>

static const struct {
	const char *member;
	const char *small;
	const char *capital;
} rows[] = {
	{ "httpProxy", "http_proxy", "HTTP_PROXY" },
	{ "httpsProxy", "https_proxy", "HTTPS_PROXY" },
	{ "ftpProxy", "ftp_proxy", "FTP_PROXY" },
	{ "allProxy", "all_proxy", "ALL_PROXY" },
	{ "noProxy", "no_proxy", "NO_PROXY" },
};

int
proxies_from_docker(struct error *e)
{
	autofree char *path = files_docker();
	autojson struct json *file = NULL;
	const char *values[ARRAY_LEN(rows)] = { 0 };
	const struct json *proxies;
	int found = files_read_json(path, &file, e);

	if (found <= 0)
		return found;
	proxies = json_get(json_get(file, "proxies"), "default");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (json_read_text(proxies, rows[i].member, "proxies.default", &values[i], e) < 0)
			return error_ctx(e, "'%s'", path);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!values[i] || getenv(rows[i].small) || getenv(rows[i].capital))
			continue;
		(void)setenv(rows[i].small, values[i], 1); /* fails for bad names only */
		(void)setenv(rows[i].capital, values[i], 1);
	}
	return 0;
}
