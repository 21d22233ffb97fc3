/* json.h: JSON text to values and back (RFC 8259; the parser is jansson). */
#ifndef SLIPWAY_BASE_JSON_H
#define SLIPWAY_BASE_JSON_H

#include "base/err.h"
#include "base/value.h"

/* Nesting that a text may have; 0 in a call means this default. jansson's own cap is 2048. */
#define JSON_DEPTH_DEFAULT 100

/* Parses a whole text into *ret (in `a`). Duplicate keys: the last one counts. Numbers become
 * doubles. Error: ERR_INVALID with line and column, or ERR_LIMIT for the depth. */
int json_parse(arena *a, str text, unsigned max_depth, value *ret, err *e);

/* Appends compact JSON. Ill-formed UTF-8 is written as U+FFFD; NaN and infinities as null. Numbers
 * are written in the shortest form that reads back the same ("1", "0.1", "1e+300"). */
void json_write(strbuf *out, const value *v);
/* The same as a text in the arena. */
str json_text(arena *a, const value *v);
/* The same with two-space indentation. */
void json_write_pretty(strbuf *out, const value *v);
/* Appends a string literal with its quotes. */
void json_write_str(strbuf *out, str s);
/* Appends a number as json_write does. */
void json_write_number(strbuf *out, double n);

/* A small streaming writer for one object or array at a time: it places the commas.
 *   json_out o = JSON_OUT(&buf); json_open(&o, '{'); json_key_str(&o, "name", name); json_close(&o,
 * '}'); */
typedef struct json_out {
    strbuf *buf;
    bool need_comma;
} json_out;
#define JSON_OUT(buffer)                                                                           \
    { (buffer), false }
void json_open(json_out *o, char bracket);
void json_close(json_out *o, char bracket);
void json_key(json_out *o, const char *key);
void json_put_str(json_out *o, str s);
void json_put_number(json_out *o, double n);
void json_put_null(json_out *o);
void json_put_value(json_out *o, const value *v);
void json_key_str(json_out *o, const char *key, str s);
void json_key_number(json_out *o, const char *key, double n);

#endif
