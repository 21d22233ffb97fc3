/* engine_folder.h: a job's folder as its containers see it. Private to this folder.
 *
 * The job's container sees FOLDER/work as /__w, FOLDER/home as /github/home, and so on, as with
 * GitHub's runner. Slipway has no way into a container's own files that every engine allows, and
 * needs none: it looks at the job's through links in FOLDER that have the same names. A view below
 * FOLDER (base/view.h) then resolves the job's paths, and nothing that a job does leads out of it.
 */
#ifndef SLIPWAY_SANDBOX_ENGINE_FOLDER_H
#define SLIPWAY_SANDBOX_ENGINE_FOLDER_H

#include "base/err.h"

#define ENGINE_HOME "/github/home"
#define ENGINE_WORK "/__w"

/* Makes the links and opens the folder, which then is the root of a view. */
int engine_folder_open(const char *folder, int *ret, err *e);

#endif
