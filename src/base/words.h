/* words.h: a command line in words, as .NET splits the arguments of a process and so GitHub's
 * runner does: blanks part words, double quotes hold them together, two in a row within them are
 * one, and a backslash is itself unless a double quote follows. Single quotes are letters like
 * others. (ParseArgumentsIntoList of dotnet/runtime, Process.Unix.cs) */
#ifndef SLIPWAY_BASE_WORDS_H
#define SLIPWAY_BASE_WORDS_H

#include "base/str.h"

/* Takes the next word, which may be empty, off *rest into `word`, whose old text goes; false when
 * nothing is left. `blanks` are the characters that part words. */
bool words_next(str *rest, const char *blanks, strbuf *word);

#endif
