/* read_jvm.c: pom.xml and gradle.lockfile. (maven.apache.org/pom.html;
 * docs.gradle.org/current/userguide/dependency_locking.html) */
#include "scan/deps/readers.h"

#include "base/xml.h"

/* ---- pom.xml: what it says; pom.c puts it together ---------------------------------------------
 */

static const char *const coordinate_names[] = {"groupId", "artifactId", "version", "scope", "type"};

static dep_fact *add_coordinates(dep_doc *d, dep_fact_kind kind, const xml_node *n) {
    dep_fact *f = dep_fact_add(d, kind);
    const xml_node *at = xml_child(n, "artifactId");
    f->line = at ? at->where.line : n->where.line;
    f->column = at ? at->where.column : n->where.column;
    for (size_t i = 0; i < COUNT(coordinate_names); i++)
        f->texts[i] = xml_child_text(n, coordinate_names[i]);
    return f;
}

static int add_dependencies(dep_doc *d, dep_fact_kind kind, const xml_node *list, err *e) {
    const xml_node *n = list ? xml_child(list, "dependency") : NULL;
    for (size_t count = 0; n; n = xml_next(n, "dependency")) {
        if (++count > DEPS_PACKAGES_MAX)
            return err_at(e, ERR_LIMIT, n->where, "names more than %d packages", DEPS_PACKAGES_MAX);
        add_coordinates(d, kind, n);
    }
    return 0;
}

int dep_read_pom(dep_doc *d, str text, err *e) {
    xml_node *root;
    if (xml_parse(d->a, text, d->file, NULL, &root, e) < 0) return e->code;
    if (!str_is(root->name, "project"))
        return err_at(e, ERR_INVALID, root->where, "is no pom: its root is not <project>");
    add_coordinates(d, FACT_SELF, root);
    const xml_node *parent = xml_child(root, "parent"), *properties = xml_child(root, "properties"),
                   *managed = xml_child(root, "dependencyManagement");
    if (parent)
        add_coordinates(d, FACT_PARENT, parent)->texts[3] = xml_child_text(parent, "relativePath");
    for (const xml_node *n = properties ? properties->first : NULL; n; n = n->next) {
        dep_fact *f = dep_fact_add(d, FACT_PROPERTY);
        f->texts[0] = n->name;
        f->texts[1] = str_trim(n->text);
    }
    if (managed && add_dependencies(d, FACT_MANAGED, xml_child(managed, "dependencies"), e) < 0)
        return e->code;
    return add_dependencies(d, FACT_DEPENDENCY, xml_child(root, "dependencies"), e);
}

/* ---- gradle.lockfile ---------------------------------------------------------------------------
 */

/* All of its configurations are those of tests. */
static bool is_test(str configurations) {
    if (!configurations.len) return false;
    for (str one; configurations.len;) {
        str_cut(configurations, ',', &one, &configurations);
        if (str_find(one, STR("test")) < 0 && str_find(one, STR("Test")) < 0) return false;
    }
    return true;
}

int dep_read_gradle_lock(dep_doc *d, str text, err *e) {
    d->knows_dev = true;
    for (str rest = text, line; str_line(&rest, &line);) {
        str coordinates, configurations, group, artifact, version;
        size_t at = str_offset(text, line);
        if (!line.len || line.ptr[0] == '#') continue;
        str_cut(line, '=', &coordinates, &configurations);
        if (str_is(coordinates, "empty")) continue;
        bool whole = str_cut(coordinates, ':', &group, &artifact) &&
                     str_cut(artifact, ':', &artifact, &version) && version.len;
        if (!whole)
            return err_at(e, ERR_INVALID, dep_span(d, text, at),
                          "expected group:artifact:version=configurations");
        dep_item it = {.name = str_sub(coordinates, 0, group.len + 1 + artifact.len),
                       .version = version,
                       .flags = is_test(configurations) ? DEP_DEV : 0};
        dep_place(d, text, at, at + coordinates.len, &it);
        if (dep_add(d, &it, NULL, e) < 0) return e->code;
    }
    return 0;
}
