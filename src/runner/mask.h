/* mask.h: a job's secrets, and text with them replaced by ***.
 *
 * What is masked. Every secret that is not blank, however short, as GitHub does: a one-letter
 * secret makes an unreadable log, but it was the person who called it a secret. A secret of several
 * lines is masked as a whole and line by line, because logs are read line by line; lines that hold
 * nothing but brackets, commas and white space are left out, since masking every "{" of a log
 * protects nothing. Each value is also masked in the forms in which tools print it: base64 at each
 * of the three alignments (both alphabets), percent-encoded, JSON-escaped, XML-escaped, with quotes
 * escaped for a command line, a shell or an expression, without surrounding quotes, and in the two
 * parts that PowerShell prints around an ampersand.
 *
 * Matches that overlap or touch become one ***. Comparison is by bytes. */
#ifndef SLIPWAY_RUNNER_MASK_H
#define SLIPWAY_RUNNER_MASK_H

#include "base/err.h"

#define MASK_SECRET_MAX 65536      /* bytes; a longer secret is masked in pieces of this size */
#define MASK_TOTAL_MAX  (4u << 20) /* bytes of all secrets in all their forms */

typedef struct mask mask;
mask *mask_new(void);
void mask_free(mask *m);

/* Adds a secret with its lines and forms. Cheap to call often: the search structures grow by
 * doubling. The text is copied, and wiped by mask_free. Errors: ERR_INVALID for blank text, which
 * is not added (GitHub warns of it); ERR_LIMIT at MASK_TOTAL_MAX: the job must not go on. */
int mask_add(mask *m, str secret, err *e);

/* Appends `text` (a line, or any whole text) to `out` with secrets masked. True when something was
 * masked. Linear in the text; where no secret begins most bytes are not even looked at. */
bool mask_text(mask *m, str text, strbuf *out);

/* True when nothing in `text` would be masked. */
bool mask_is_clean(mask *m, str text);

/* Masks a text that arrives in pieces: a secret that is cut by the border between two pieces is
 * found all the same. Holds back at most as many bytes as the longest secret has. Zero to begin
 * with. */
typedef struct mask_stream {
    strbuf held;
    size_t covered; /* bytes at the front of `held` whose *** has been written already */
} mask_stream;
void mask_stream_add(mask *m, mask_stream *s, str piece, strbuf *out);
/* Writes what is held back and makes the stream ready for another text. */
void mask_stream_end(mask *m, mask_stream *s, strbuf *out);
void mask_stream_done(mask_stream *s);

#endif
