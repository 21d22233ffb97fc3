/* du.h: how much a folder takes on disk. Private to this folder. */
#ifndef SLIPWAY_SANDBOX_DU_H
#define SLIPWAY_SANDBOX_DU_H

#include <stdbool.h>
#include <stdint.h>

/* Adds up what lies in a folder, in bytes of its file system, links not followed. False where it
 * could not be walked to the end, as when folders are moved meanwhile. This process is in another
 * folder afterwards. */
bool du_measure(int folder, uint64_t *ret);

#endif
