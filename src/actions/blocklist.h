/* blocklist.h: the body of Azure's Put Block List. Private.
 * https://learn.microsoft.com/en-us/rest/api/storageservices/put-block-list */
#ifndef SLIPWAY_ACTIONS_BLOCKLIST_H
#define SLIPWAY_ACTIONS_BLOCKLIST_H

#include "base/arena.h"
#include "base/err.h"

#define BLOCKLIST_MAX   50000      /* blocks of one blob, as Azure's */
#define BLOCK_ID_MAX    88         /* base64 of the 64 bytes that Azure allows */
#define BLOCKLIST_BYTES (8u << 20) /* of the text */

/* Reads the ids of a block list in their order, whichever of Latest, Committed and Uncommitted they
 * stand in: a block is known by its id here. Only the XML that such a list needs is understood:
 * a declaration, comments, these elements. ERR_INVALID or ERR_LIMIT. */
int blocklist_parse(arena *a, str xml, str **ret, size_t *ret_count, err *e);

/* Whether a text can be a block's id: base64, 1 to BLOCK_ID_MAX bytes. */
bool block_id_ok(str id);

#endif
