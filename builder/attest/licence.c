/* SPDX-License-Identifier: Apache-2.0 */
/*
 * licence - is what a database says of a licence an SPDX licence expression?
 */
#include "builder/attest/licence.h"

#include "runtime/base/buf.h"
#include "runtime/base/mem.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 20

static const char *const ids[] = { "0BSD", "AFL-2.0", "AFL-2.1", "AFL-3.0", "AGPL-3.0-only",
	"AGPL-3.0-or-later", "Apache-1.0", "Apache-1.1", "Apache-2.0", "APSL-2.0", "Artistic-1.0",
	"Artistic-1.0-Perl", "Artistic-2.0", "BlueOak-1.0.0", "BSD-1-Clause", "BSD-2-Clause",
	"BSD-2-Clause-Patent", "BSD-3-Clause", "BSD-3-Clause-Clear", "BSD-3-Clause-LBNL",
	"BSD-4-Clause", "BSD-4-Clause-UC", "BSD-Source-Code", "BSL-1.0", "bzip2-1.0.6", "CC-BY-3.0",
	"CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-PDDC", "CC0-1.0", "CDDL-1.0", "CDDL-1.1",
	"CECILL-2.1", "ClArtistic", "CPL-1.0", "curl", "EPL-1.0", "EPL-2.0", "EUPL-1.1", "EUPL-1.2",
	"FSFAP", "FSFUL", "FSFULLR", "FTL", "GFDL-1.1-or-later", "GFDL-1.2-only",
	"GFDL-1.2-or-later", "GFDL-1.3-only", "GFDL-1.3-or-later", "GPL-1.0-only",
	"GPL-1.0-or-later", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later",
	"HPND", "HPND-sell-variant", "ICU", "IJG", "Info-ZIP", "IPL-1.0", "ISC", "JSON",
	"LGPL-2.0-only", "LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-only",
	"LGPL-3.0-or-later", "Libpng", "libpng-2.0", "libtiff", "LPL-1.02", "LPPL-1.3c", "MIT",
	"MIT-0", "MIT-CMU", "MIT-open-group", "MPL-1.0", "MPL-1.1", "MPL-2.0",
	"MPL-2.0-no-copyleft-exception", "MS-PL", "MS-RL", "MulanPSL-2.0", "NAIST-2003", "NCSA",
	"NIST-PD", "OFL-1.0", "OFL-1.1", "OLDAP-2.8", "OpenSSL", "OSL-2.1", "OSL-3.0", "PHP-3.0",
	"PHP-3.01", "PostgreSQL", "PSF-2.0", "Python-2.0", "Python-2.0.1", "QPL-1.0", "Ruby",
	"Sendmail", "SISSL", "Sleepycat", "SMLNJ", "SSPL-1.0", "TCL", "TCP-wrappers",
	"TU-Berlin-1.0", "TU-Berlin-2.0", "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "UPL-1.0",
	"Vim", "W3C", "WTFPL", "X11", "X11-distribute-modifications-variant", "XFree86-1.1", "Xnet",
	"Zed", "Zend-2.0", "Zlib", "zlib-acknowledgement", "ZPL-2.0", "ZPL-2.1" };

/* Former names, which packages still carry, and what the list has for them now. */
static const struct {
	const char *old;
	const char *id;
} renamed[] = {
	{ "AGPL-3.0", "AGPL-3.0-only" },
	{ "AGPL-3.0+", "AGPL-3.0-or-later" },
	{ "GPL-1.0", "GPL-1.0-only" },
	{ "GPL-1.0+", "GPL-1.0-or-later" },
	{ "GPL-2.0", "GPL-2.0-only" },
	{ "GPL-2.0+", "GPL-2.0-or-later" },
	{ "GPL-3.0", "GPL-3.0-only" },
	{ "GPL-3.0+", "GPL-3.0-or-later" },
	{ "LGPL-2.0", "LGPL-2.0-only" },
	{ "LGPL-2.0+", "LGPL-2.0-or-later" },
	{ "LGPL-2.1", "LGPL-2.1-only" },
	{ "LGPL-2.1+", "LGPL-2.1-or-later" },
	{ "LGPL-3.0", "LGPL-3.0-only" },
	{ "LGPL-3.0+", "LGPL-3.0-or-later" },
};

static const char *const exceptions[] = { "Autoconf-exception-2.0", "Autoconf-exception-3.0",
	"Bison-exception-2.2", "Classpath-exception-2.0", "Font-exception-2.0", "GCC-exception-2.0",
	"GCC-exception-3.1", "Libtool-exception", "Linux-syscall-note", "LLVM-exception",
	"OpenJDK-assembly-exception-1.0", "Qt-LGPL-exception-1.1", "u-boot-exception-2.0",
	"Universal-FOSS-exception-1.0" };

struct reader {
	const char *at;
	struct buf spelled;
	unsigned words;
};

static const char *
look_up(const char *const *names, size_t count, const char *word)
{
	for (size_t n = 0; n < count; n++)
		if (strcasecmp(names[n], word) == 0)
			return names[n];
	return NULL;
}

static const char *
look_up_id(const char *word)
{
	for (size_t n = 0; n < ARRAY_LEN(renamed); n++)
		if (strcasecmp(renamed[n].old, word) == 0)
			return renamed[n].id;
	return look_up(ids, ARRAY_LEN(ids), word);
}

/* The next word, or one bracket; "" at the end. To be freed. */
static char *
next_word(const char **at)
{
	size_t length;

	*at += strspn(*at, " ");
	length = **at == '(' || **at == ')' ? 1 : strcspn(*at, " ()");
	*at += length;
	return xstrndup(*at - length, length);
}

/* Is the next word @word? Then it is taken. */
static bool
take(struct reader *r, const char *word)
{
	const char *after = r->at;
	autofree char *next = next_word(&after);

	if (strcmp(next, word) != 0)
		return false;
	r->at = after;
	return true;
}

static bool read_all(struct reader *r, int depth);

static bool
read_one(struct reader *r, int depth)
{
	autofree char *word = NULL, *exception = NULL;
	const char *known;

	if (take(r, "(")) {
		buf_add_char(&r->spelled, '(');
		if (!read_all(r, depth + 1) || !take(r, ")"))
			return false;
		buf_add_char(&r->spelled, ')');
		return true;
	}
	word = next_word(&r->at);
	known = look_up_id(word);
	if (!known)
		return false;
	buf_add_text(&r->spelled, known);
	r->words++;
	if (!take(r, "WITH"))
		return true;
	exception = next_word(&r->at);
	known = look_up(exceptions, ARRAY_LEN(exceptions), exception);
	if (!known)
		return false;
	buf_printf(&r->spelled, " WITH %s", known);
	r->words++;
	return true;
}

static bool
read_all(struct reader *r, int depth)
{
	if (depth > DEPTH_MAX)
		return false;
	for (;;) {
		const char *between;

		if (!read_one(r, depth))
			return false;
		between = take(r, "AND") ? " AND " : take(r, "OR") ? " OR " : NULL;
		if (!between)
			return true;
		buf_add_text(&r->spelled, between);
	}
}

enum licence_kind
licence_read(const char *text, char **spelled)
{
	struct reader r = { .at = text };
	bool is_one = read_all(&r, 0) && r.at[strspn(r.at, " ")] == '\0';

	*spelled = is_one ? buf_steal(&r.spelled) : NULL;
	buf_release(&r.spelled);
	if (!is_one)
		return LICENCE_TEXT;
	return r.words == 1 && **spelled != '(' ? LICENCE_ID : LICENCE_EXPRESSION;
}

const char *
licence_id(unsigned n)
{
	return n < ARRAY_LEN(ids) ? ids[n] : NULL;
}
