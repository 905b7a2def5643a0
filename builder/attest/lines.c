/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lines - text files of names and values, as dpkg, apk, Python and os-release have them.
 */
#include "builder/attest/parsers.h"
#include "runtime/base/mem.h"
#include "runtime/base/path.h"
#include "runtime/base/text.h"

#include <string.h>
#include <strings.h>

/* Databases of all packages, and descriptions of one. */
#define DATABASE_MAX (64U << 20)
#define METADATA_MAX (4U << 20)

bool
parse_whole(const struct file_range *file, const char *path, size_t max, struct buf *text,
    struct inventory *inv)
{
	size_t got;

	if (file->size > max) {
		inventory_note(inv, "%s is larger than %zu bytes: not read", path, max);
		return false;
	}
	got = file_range_read(file, 0, buf_reserve(text, (size_t)file->size), (size_t)file->size);
	buf_added(text, got);
	return true;
}

void
text_lines_release(struct text_lines *l)
{
	buf_release(&l->text);
}

bool
text_lines_open(struct text_lines *l, const struct file_range *file, const char *path, size_t max,
    struct inventory *inv)
{
	if (!parse_whole(file, path, max, &l->text, inv))
		return false;
	l->at = buf_text(&l->text);
	l->left = l->text.len;
	return true;
}

bool
text_lines_next(struct text_lines *l, struct text_line *line)
{
	return text_line_next(&l->at, &l->left, line);
}

bool
text_line_next(const char **at, size_t *left, struct text_line *line)
{
	const char *end;

	if (*left == 0)
		return false;
	end = memchr(*at, '\n', *left);
	line->text = *at;
	line->length = end ? (size_t)(end - *at) : *left;
	*left -= line->length + (end != NULL);
	*at += line->length + (end != NULL);
	if (line->length > 0 && line->text[line->length - 1] == '\r')
		line->length--;
	return true;
}

bool
text_line_field(const struct text_line *line, const char *name, struct text_line *value)
{
	size_t length = strlen(name);

	if (line->length <= length || line->text[length] != ':' ||
	    strncasecmp(line->text, name, length) != 0)
		return false;
	value->text = line->text + length + 1;
	value->length = line->length - length - 1;
	return true;
}

static bool
ends_with(const struct text_line *line, const char *end)
{
	size_t length = strlen(end);

	return line->length >= length &&
	       memcmp(line->text + line->length - length, end, length) == 0;
}

/* ---- dpkg ---- */

/* "name (version)"; the version is that of the package where it is not told. */
static void
set_source(struct package *p, const struct text_line *value)
{
	const char *open = memchr(value->text, '(', value->length);
	const char *close =
	    open ? memchr(open, ')', (size_t)(value->text + value->length - open)) : NULL;

	package_set(&p->source, value->text, open ? (size_t)(open - value->text) : value->length);
	if (close)
		package_set(&p->source_version, open + 1, (size_t)(close - open - 1));
}

struct control {
	struct package package;
	bool absent; /* its files are not there (any more) */
};

static void
take_control(struct control *c, const struct text_line *line)
{
	struct text_line value;

	if (text_line_field(line, "Package", &value))
		package_set(&c->package.name, value.text, value.length);
	else if (text_line_field(line, "Version", &value))
		package_set(&c->package.version, value.text, value.length);
	else if (text_line_field(line, "Architecture", &value))
		package_set(&c->package.arch, value.text, value.length);
	else if (text_line_field(line, "Maintainer", &value))
		package_set(&c->package.supplier, value.text, value.length);
	else if (text_line_field(line, "Homepage", &value))
		package_set(&c->package.homepage, value.text, value.length);
	else if (text_line_field(line, "Source", &value))
		set_source(&c->package, &value);
	else if (text_line_field(line, "Status", &value))
		c->absent =
		    ends_with(&value, " config-files") || ends_with(&value, " not-installed");
}

static void
finish_control(struct control *c, const char *path, struct inventory *inv)
{
	c->package.type = PACKAGE_DEB;
	if (c->absent)
		package_release(&c->package);
	else
		inventory_add(inv, &c->package, path);
	*c = (struct control){ 0 };
}

void
dpkg_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	auto(text_lines) struct text_lines lines = { 0 };
	struct control control = { 0 };
	struct text_line line;

	if (!text_lines_open(&lines, file, path, DATABASE_MAX, inv))
		return;
	while (text_lines_next(&lines, &line)) {
		if (line.length == 0)
			finish_control(&control, path, inv);
		else if (line.text[0] != ' ' && line.text[0] != '\t')
			take_control(&control, &line);
	}
	finish_control(&control, path, inv);
}

/* ---- apk ---- */

static char **
apk_member(struct package *p, char letter)
{
	switch (letter) {
	case 'P':
		return &p->name;
	case 'V':
		return &p->version;
	case 'A':
		return &p->arch;
	case 'L':
		return &p->licence;
	case 'o':
		return &p->source;
	case 'm':
		return &p->supplier;
	case 'U':
		return &p->homepage;
	default:
		return NULL;
	}
}

void
apk_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	auto(text_lines) struct text_lines lines = { 0 };
	struct package p = { .type = PACKAGE_APK };
	struct text_line line;

	if (!text_lines_open(&lines, file, path, DATABASE_MAX, inv))
		return;
	while (text_lines_next(&lines, &line)) {
		char **member =
		    line.length > 2 && line.text[1] == ':' ? apk_member(&p, line.text[0]) : NULL;

		if (member)
			package_set(member, line.text + 2, line.length - 2);
		if (line.length > 0)
			continue;
		inventory_add(inv, &p, path);
		p.type = PACKAGE_APK;
	}
	inventory_add(inv, &p, path);
}

/* ---- Python ---- */

struct metadata {
	struct package package;
	struct buf classified; /* licences by classifiers, " AND " between */
	bool has_expression;
	bool is_long; /* the text of a licence stands in the field */
};

/* "License :: OSI Approved :: MIT License": the last part. */
static void
take_classifier(struct metadata *m, const struct text_line *value)
{
	autofree char *text = xstrndup(value->text, value->length);
	char *last = text;

	if (!strstr(text, "License ::"))
		return;
	for (char *next = strstr(last, "::"); next; next = strstr(last, "::"))
		last = next + 2;
	last += strspn(last, " ");
	if (!*last || strcmp(last, "OSI Approved") == 0)
		return;
	if (m->classified.len > 0)
		buf_add_text(&m->classified, ", ");
	buf_add_text(&m->classified, last);
}

static void
take_metadata(struct metadata *m, const struct text_line *line)
{
	struct package *p = &m->package;
	struct text_line value;

	if (text_line_field(line, "Name", &value)) {
		package_set(&p->name, value.text, value.length);
	} else if (text_line_field(line, "Version", &value)) {
		package_set(&p->version, value.text, value.length);
	} else if (text_line_field(line, "License-Expression", &value)) {
		package_set(&p->licence, value.text, value.length);
		m->has_expression = true;
	} else if (text_line_field(line, "License", &value) && !m->has_expression) {
		package_set(&p->licence, value.text, value.length);
	} else if (text_line_field(line, "Classifier", &value)) {
		take_classifier(m, &value);
	} else if (text_line_field(line, "Home-page", &value)) {
		package_set(&p->homepage, value.text, value.length);
	} else if (text_line_field(line, "Author", &value) ||
		   (text_line_field(line, "Author-email", &value) && !p->supplier)) {
		package_set(&p->supplier, value.text, value.length);
	}
}

static bool
says_nothing(const char *text)
{
	return !text || strcasecmp(text, "UNKNOWN") == 0;
}

static void
finish_metadata(struct metadata *m)
{
	struct package *p = &m->package;

	if (!m->has_expression && (m->is_long || says_nothing(p->licence)))
		package_set(&p->licence, buf_text(&m->classified), m->classified.len);
	if (says_nothing(p->homepage))
		package_set(&p->homepage, "", 0);
	if (says_nothing(p->supplier))
		package_set(&p->supplier, "", 0);
	buf_release(&m->classified);
}

void
python_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	auto(text_lines) struct text_lines lines = { 0 };
	struct metadata m = { .package = { .type = PACKAGE_PYPI } };
	struct text_line line, value;
	bool in_licence = false;

	if (!text_lines_open(&lines, file, path, METADATA_MAX, inv))
		return;
	while (text_lines_next(&lines, &line) && line.length > 0) {
		if (line.text[0] == ' ' || line.text[0] == '\t') {
			m.is_long |= in_licence;
			continue;
		}
		in_licence = text_line_field(&line, "License", &value);
		take_metadata(&m, &line);
	}
	finish_metadata(&m);
	if (!m.package.name)
		inventory_note(inv, "%s does not name its package", path);
	inventory_add(inv, &m.package, path);
}

/* ---- os-release ---- */

static void
set_shell_value(char **member, const char *text, size_t length)
{
	if (length >= 2 && (text[0] == '"' || text[0] == '\'') && text[length - 1] == text[0])
		package_set(member, text + 1, length - 2);
	else
		package_set(member, text, length);
}

void
os_release_parse(const struct file_range *file, const char *path, struct inventory *inv)
{
	const struct {
		const char *name;
		char **member;
	} known[] = {
		{ "ID=", &inv->os.id },
		{ "VERSION_ID=", &inv->os.version },
		{ "PRETTY_NAME=", &inv->os.title },
	};
	auto(text_lines) struct text_lines lines = { 0 };
	struct text_line line;

	if (inv->os.id || !text_lines_open(&lines, file, path, METADATA_MAX, inv))
		return;
	while (text_lines_next(&lines, &line)) {
		for (size_t n = 0; n < ARRAY_LEN(known); n++) {
			size_t length = strlen(known[n].name);

			if (line.length > length && memcmp(line.text, known[n].name, length) == 0)
				set_shell_value(
				    known[n].member, line.text + length, line.length - length);
		}
	}
}
