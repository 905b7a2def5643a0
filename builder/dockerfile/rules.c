/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules - the lint rules: names, what they are about, what to do.
 */
#include "builder/dockerfile/rules.h"

#include "runtime/base/mem.h"
#include "runtime/base/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define RULES_MAX 64

const struct rule_def rule_table[] = {
	{ "StageNameCasing", 0, "names of stages are in lower case",
	    "write the name behind AS in lower case; --from and --target find it either way" },
	{ "FromAsCasing", 0, "FROM and AS are both in capitals or both not",
	    "write AS as FROM is written" },
	{ "NoEmptyContinuation", 0, "no empty line stands inside of an instruction",
	    "remove the empty line, or the escape character before it" },
	{ "ConsistentInstructionCasing", 0, "all instructions are in capitals, or none",
	    "write the instruction as most of the file does" },
	{ "DuplicateStageName", 0, "no two stages have one name",
	    "rename one of them: a reference to the name means the one that stands last above it" },
	{ "ReservedStageName", 0, "no stage has the name of something else",
	    "choose another name: 'scratch' and 'context' have a meaning of their own" },
	{ "JSONArgsRecommended", 0, "CMD and ENTRYPOINT are JSON lists",
	    "write [\"program\", \"argument\"]: the shell of the other form does not pass signals "
	    "on; "
	    "SHELL in the stage says that a shell is meant" },
	{ "MaintainerDeprecated", 0, "the author is a label",
	    "write LABEL org.opencontainers.image.authors=\"...\"" },
	{ "UndefinedArgInFrom", 0, "FROM uses only arguments that stand before the first FROM",
	    "declare it above the first FROM: ARG NAME=DEFAULT" },
	{ "WorkdirRelativePath", 0, "the first WORKDIR of a stage is absolute",
	    "write an absolute path: what the base image has may change" },
	{ "UndefinedVar", 0, "variables are set before they are used",
	    "declare it with ARG or ENV above, or give a default: ${NAME:-default}" },
	{ "MultipleInstructionsDisallowed", 0, "a stage has one CMD, ENTRYPOINT and HEALTHCHECK",
	    "remove the earlier one: only the last counts" },
	{ "LegacyKeyValueFormat", 0, "ENV and LABEL are written with '='", "write NAME=VALUE" },
	{ "InvalidBaseImagePlatform", 0, "the base image is for the platform that is built",
	    "take the base image for that platform, or give --platform" },
	{ "RedundantTargetPlatform", 0, "FROM does not repeat the default platform",
	    "leave --platform=$TARGETPLATFORM out: that is what FROM takes anyway" },
	{ "SecretsUsedInArgOrEnv", 0, "no ARG or ENV is named as a secret",
	    "give it to the step that needs it: RUN --mount=type=secret,id=NAME; what ARG and ENV "
	    "hold stays in the image" },
	{ "InvalidDefaultArgInFrom", 0, "FROM names an image when only defaults are used",
	    "give the ARG a default, or write ${NAME:-default} in FROM" },
	{ "FromPlatformFlagConstDisallowed", 0, "the platform of FROM is not a constant",
	    "use $BUILDPLATFORM or an ARG, or leave --platform out and give it on the command "
	    "line" },
	{ "CopyIgnoredFile", 0, "what is copied is not left out by the ignore file",
	    "take the pattern out of the ignore file, or the source out of the instruction" },
	{ "InvalidDefinitionDescription", RULE_EXPERIMENTAL,
	    "a comment right above FROM ... AS NAME or ARG NAME begins with NAME",
	    "begin it with the name to describe it, or put an empty line behind it" },
	{ "ExposeProtoCasing", 0, "protocols of EXPOSE are in lower case",
	    "write tcp, udp or sctp" },
	{ "ExposeInvalidFormat", 0, "EXPOSE has ports only",
	    "write PORT or PORT/PROTOCOL: addresses and ports of the host belong to the command "
	    "that starts the container" },
	{ "NpmDevDependencies", RULE_OWN, "what a build script needs is installed when it runs",
	    "install all dependencies in the stage that builds, and leave those for development "
	    "out "
	    "of the last one: npm prune --omit=dev, or npm ci --omit=dev there" },
	{ "SecretInValue", RULE_OWN, "no value of ARG, ENV or LABEL is a token or a private key",
	    "give it to the step that needs it: RUN --mount=type=secret,id=NAME; a value that was "
	    "in "
	    "an image is known, and has to be replaced" },
	{ "UnknownUser", RULE_OWN | RULE_IMAGE, "the final USER is a user of the image",
	    "make the user in the last stage, or write a number" },
	{ "EntrypointMissing", RULE_OWN | RULE_IMAGE,
	    "the program that ENTRYPOINT or CMD starts is in the image",
	    "check where COPY --from takes it from and puts it, and PATH" },
	{ "EntrypointNotReachable", RULE_OWN | RULE_IMAGE,
	    "the final USER may enter the directories on the way to the program",
	    "copy it to a directory that everybody may enter, or COPY --chown=USER it" },
	{ "EntrypointNotExecutable", RULE_OWN | RULE_IMAGE,
	    "the final USER may execute the program, and it is one",
	    "copy it with COPY --chmod=0755 or --chown=USER; begin a script with '#!/bin/sh'" },
	{ "MissingInterpreter", RULE_OWN | RULE_IMAGE,
	    "what a dynamically linked program or a script is started by is in the image",
	    "link it statically (CGO_ENABLED=0 for Go, -static for C), or take a last stage with "
	    "the "
	    "C library or interpreter that it needs" },
	{ "MissingLibrary", RULE_OWN | RULE_IMAGE,
	    "the libraries that a program needs are in the image",
	    "install the package that has them in the last stage, or link statically" },
	{ "WrongArchitecture", RULE_OWN | RULE_IMAGE, "the program is for the image's platform",
	    "build it for the platform of the image: TARGETARCH says which" },
	{ "MissingCertificates", RULE_OWN | RULE_IMAGE,
	    "a program that checks TLS connections finds CA certificates",
	    "install ca-certificates in the last stage, or copy them there" },
	{ "MissingTimeZones", RULE_OWN | RULE_IMAGE,
	    "a program that loads time zones by name, or TZ, finds their data",
	    "install tzdata in the last stage, or copy /usr/share/zoneinfo there" },
	{ "SecretInLayer", RULE_OWN | RULE_IMAGE, "no layer has a private key or a token",
	    "leave it out (.dockerignore), or give it to the step that needs it: RUN "
	    "--mount=type=secret,id=NAME" },
	{ 0 },
};

const struct rule_def *
rule_find(const char *name)
{
	for (const struct rule_def *r = rule_table; r->name; r++)
		if (strcasecmp(r->name, name) == 0)
			return r;
	return NULL;
}

const char *
rule_suggest(const char *name)
{
	const char *names[RULES_MAX] = { NULL };
	size_t n = 0;

	for (const struct rule_def *r = rule_table; r->name && n + 1 < RULES_MAX; r++)
		names[n++] = r->name;
	return text_suggest(name, names);
}

void
rule_add_url(struct buf *b, const struct rule_def *rule)
{
	if (rule->flags & RULE_OWN)
		return;
	buf_add_text(b, "https://docs.docker.com/go/dockerfile/rule/");
	for (const char *c = rule->name; *c != '\0'; c++) {
		/* "JSONArgs": a capital begins a word where a small letter is next to it */
		bool starts = isupper((unsigned char)*c) && c > rule->name &&
		              (islower((unsigned char)c[-1]) || islower((unsigned char)c[1]));

		if (starts)
			buf_add_char(b, '-');
		buf_add_char(b, (char)tolower((unsigned char)*c));
	}
	buf_add_char(b, '/');
}
