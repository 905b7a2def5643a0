/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - what --source-policy-file says of an image, a URL or a repository before it is asked for.
 */
#include "builder/build/policy.h"

#include "builder/dockerfile/source_policy.h"
#include "builder/image/reference.h"
#include "builder/import/resolve.h"
#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <string.h>

#define IMAGE "docker-image://"

static void
tell(const struct build *b, const char *what, const char *instead)
{
	if (b->progress && instead)
		progress_note(
		    b->progress, "source policy: '%s' in the place of '%s'", instead, what);
}

int
policy_image(const struct build *b, const char *reference, char **instead, struct error *e)
{
	const struct source_policy *rules = b->options->source_policy;
	auto(reference) struct reference r = { 0 };
	auto(source_decision) struct source_decision d = { 0 };
	autofree char *text = NULL, *identifier = NULL;
	struct error ignored = ERROR_INIT; /* whoever looks for it says what is wrong with it */

	*instead = NULL;
	if (!rules || image_is_outside(reference) || reference_parse(reference, &r, &ignored) < 0)
		return 0;
	text = reference_text(&r);
	identifier = xasprintf(IMAGE "%s", text);
	if (source_policy_ask(rules, identifier, NULL, &d, e) < 0)
		return -1;
	if (d.instead && !text_starts_with(d.instead, IMAGE))
		return error_set(e, ERR_POLICY,
		    "the source policy has '%s' in the place of '%s', and that is no image",
		    d.instead, identifier);
	if (d.instead)
		*instead = xstrdup(d.instead + strlen(IMAGE));
	tell(b, text, *instead);
	return 0;
}

void
policy_url_release(struct policy_url *p)
{
	free(p->url);
	*p = (struct policy_url){ 0 };
}

int
policy_http(const struct build *b, const char *url, const struct digest *wanted,
    struct policy_url *p, struct error *e)
{
	autofree char *shown = resource_shown(url);
	auto(source_decision) struct source_decision d = { 0 };
	char checksum[DIGEST_TEXT_LEN + 1];

	*p = (struct policy_url){ .has_digest = wanted != NULL };
	if (wanted) {
		p->digest = *wanted;
		(void)digest_text(wanted, checksum);
	}
	if (source_policy_ask(b->options->source_policy, shown, wanted ? checksum : NULL, &d, e) <
	    0)
		return -1;
	if (d.instead && !text_starts_with(d.instead, "http://") &&
	    !text_starts_with(d.instead, "https://"))
		return error_set(e, ERR_POLICY,
		    "the source policy has '%s' in the place of '%s', and that is no URL of a file",
		    d.instead, shown);
	p->has_digest = p->has_digest || d.checksum;
	if (d.checksum && digest_parse(d.checksum, &p->digest, e) < 0)
		return -1;
	p->url = xstrdup(d.instead ? d.instead : url);
	tell(b, shown, d.instead);
	return 0;
}

/** "git://host/path#ref:subdir", whatever it is fetched by. */
static char *
git_identifier(const struct resource *source)
{
	autofree char *shown = resource_shown(source->url);
	const char *rest = strstr(shown, "://"), *at = NULL;
	auto(buf) struct buf b = { 0 };

	if (rest) {
		buf_printf(&b, "git://%s", rest + 3);
	} else { /* user@host:path */
		at = strchr(shown, '@');
		buf_printf(&b, "git://%s", at ? at + 1 : shown);
		for (char *c = b.data; c && *c != '\0'; c++) {
			if (*c == ':' && c[1] != '/') {
				*c = '/';
				break;
			}
		}
	}
	if (source->ref || source->subdir)
		buf_printf(&b, "#%s", source->ref ? source->ref : "");
	if (source->subdir)
		buf_printf(&b, ":%s", source->subdir);
	return buf_steal(&b);
}

int
policy_git(const struct build *b, const struct resource *source, struct error *e)
{
	autofree char *identifier = git_identifier(source);
	auto(source_decision) struct source_decision d = { 0 };

	if (source_policy_ask(b->options->source_policy, identifier, NULL, &d, e) < 0)
		return -1;
	if (d.instead || d.checksum)
		return error_set(e, ERR_POLICY,
		    "the source policy would replace '%s', and a repository can only be allowed or "
		    "denied",
		    identifier);
	return 0;
}
