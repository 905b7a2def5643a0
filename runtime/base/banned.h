/* SPDX-License-Identifier: Apache-2.0 */
/*
 * banned - calls that this tree does without; included from the command line in every file.
 */
#ifndef CROZE_BASE_BANNED_H
#define CROZE_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll gets alloca tmpnam mktemp

#endif
