/* mask_forms.h: the forms in which tools print a secret. */
#ifndef SLIPWAY_RUNNER_MASK_FORMS_H
#define SLIPWAY_RUNNER_MASK_FORMS_H

#include "base/str.h"

/* Calls `fn` with the value itself and then with each form of it, equal ones again and again. */
typedef void mask_form_fn(void *context, str form);
void mask_forms(str value, mask_form_fn *fn, void *context);

#endif
