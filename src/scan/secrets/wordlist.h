/* wordlist.h: lists of words, and texts that have to do with them. Private to src/scan/secrets. */
#ifndef SLIPWAY_SCAN_SECRETS_WORDLIST_H
#define SLIPWAY_SCAN_SECRETS_WORDLIST_H

#include "base/str.h"

typedef struct wordlist {
    const char *const *words;
    size_t count;
} wordlist;

#define WORDLIST_INIT(array)                                                                       \
    { (array), sizeof(array) / sizeof *(array) }
#define WORDLIST(array) ((wordlist)WORDLIST_INIT(array))

#define WORDLIST_LOOKED_AT 256

/* Whether it is one of the words, which are sorted by bytes. */
bool wordlist_has(wordlist list, str word);
/* Whether one of the words stands in the text. */
bool wordlist_stands_in(wordlist list, str text);
/* The same of words in small letters, whatever letters the text has; only its first
 * WORDLIST_LOOKED_AT bytes are looked at. */
bool wordlist_stands_in_any_case(wordlist list, str text);
/* How long the first word is that the text begins with, or ends with; 0: with none. */
size_t wordlist_begins(wordlist list, str text);
size_t wordlist_ends(wordlist list, str text);

/* The text in small letters (of ASCII), in `room`, which has as many bytes. */
str wordlist_small(str text, char *room);

#endif
