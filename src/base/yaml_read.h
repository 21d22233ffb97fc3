/* yaml_read.h: small settings files, straight from the tree of nodes. What is wrong is a problem
 * with its place, and reading goes on. */
#ifndef SLIPWAY_BASE_YAML_READ_H
#define SLIPWAY_BASE_YAML_READ_H

#include "base/problem.h"
#include "base/yaml.h"

typedef struct yaml_reader {
    arena *a;
    problem_list *problems;
    const char *rule; /* of the problems */
} yaml_reader;

typedef struct yaml_text {
    str text;
    span where;
} yaml_text;

#define YAML_WRONG(r, node, help, ...)                                                             \
    problem_add((r)->problems, SEVERITY_ERROR, (r)->rule, (node)->where, help, __VA_ARGS__)

/* "did you mean 'x'?", or an empty str. */
str yaml_suggest(yaml_reader *r, str word, const str *known, size_t count);
/* `what` names the node in the problem: "'jobs' must be a mapping". */
bool yaml_is_mapping(yaml_reader *r, const yaml_node *n, const char *what);
bool yaml_is_sequence(yaml_reader *r, const yaml_node *n, const char *what);
/* The text of a scalar that means a string; numbers and truth values must be quoted. */
bool yaml_take_text(yaml_reader *r, const yaml_node *n, const char *what, yaml_text *ret);
/* A number. */
bool yaml_take_number(yaml_reader *r, const yaml_node *n, const char *what, double *ret);

/* A whole tree as a value; mappings become objects with their case kept. ERR_INVALID with a place:
 * keys that are no text, keys that stand twice, scalars that are none. */
int yaml_value(arena *a, const yaml_node *n, value *ret, err *e);

/* Keys are known, and each stands once. `take` gets the index of the key in `known`. */
typedef void yaml_take_fn(yaml_reader *r, size_t key, const yaml_node *item, void *context);
void yaml_take_keys(yaml_reader *r, const yaml_node *mapping, const str *known, size_t count,
                    const char *where, yaml_take_fn *take, void *context);

#endif
