#include "scan/secrets/wordlist.h"

bool wordlist_has(wordlist list, str word) {
    size_t low = 0, high = list.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(word, str_from(list.words[middle]));
        if (order == 0) return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

bool wordlist_stands_in(wordlist list, str text) {
    for (size_t i = 0; i < list.count; i++) {
        if (str_find(text, str_from(list.words[i])) >= 0) return true;
    }
    return false;
}

bool wordlist_stands_in_any_case(wordlist list, str text) {
    char room[WORDLIST_LOOKED_AT];
    return wordlist_stands_in(list, wordlist_small(str_sub(text, 0, sizeof room), room));
}

size_t wordlist_begins(wordlist list, str text) {
    for (size_t i = 0; i < list.count; i++) {
        str word = str_from(list.words[i]);
        if (str_starts(text, word)) return word.len;
    }
    return 0;
}

size_t wordlist_ends(wordlist list, str text) {
    for (size_t i = 0; i < list.count; i++) {
        str word = str_from(list.words[i]);
        if (str_ends(text, word)) return word.len;
    }
    return 0;
}

str wordlist_small(str text, char *room) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        room[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    return (str){room, text.len};
}
