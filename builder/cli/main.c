/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main - where croze starts.
 */
#include "builder/cli/commands.h"

int
main(int argc, char **argv)
{
	return command_main("croze",
	    "Builds and runs container images without root and without a daemon.", command_table,
	    argc, argv);
}
