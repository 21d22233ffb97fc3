/* ui_assets.h: the web pages, which ui/build makes into a C file. Private to the server.
 *
 * There is always UI_PAGE: where the pages could not be built it says why. */
#ifndef SLIPWAY_SERVER_UI_ASSETS_H
#define SLIPWAY_SERVER_UI_ASSETS_H

#include "server/api.h"

#define UI_PAGE "/index.html"

extern const api_asset ui_assets[];
extern const size_t ui_asset_count;

#endif
