#include "scan/secrets/prefilter.h"

#include "base/fs.h"
#include "base/hash.h"
#include "base/library.h"
#include "base/pool.h"

#include <hs/hs.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_FORMAT "slipway prefilter 2"
#define CACHE_NAME   "patterns-"
#define CACHE_FILES  32
#define CACHE_MAX    ((size_t)256 << 20)
#define WEIGHT_DEPTH 64
#define WEIGHT_MAX   1000000
#define FLAGS        (HS_FLAG_PREFILTER | HS_FLAG_ALLOWEMPTY)

/* ---- the library ---------------------------------------------------------------------------- */

#define HS_FUNCTIONS(X)                                                                            \
    X(hs_version)                                                                                  \
    X(hs_valid_platform)                                                                           \
    X(hs_populate_platform)                                                                        \
    X(hs_compile_multi)                                                                            \
    X(hs_expression_info)                                                                          \
    X(hs_free_compile_error)                                                                       \
    X(hs_serialize_database)                                                                       \
    X(hs_deserialize_database)                                                                     \
    X(hs_free_database)                                                                            \
    X(hs_alloc_scratch)                                                                            \
    X(hs_free_scratch)                                                                             \
    X(hs_scan)

static struct {
    bool loaded;
    HS_FUNCTIONS(LIBRARY_POINTER)
} hs;

/* Debian's package of hyperscan has the library, too. */
static int load(err *e) {
#define SYMBOL(name) LIBRARY_SYMBOL(hs, name)
    static const library_symbol symbols[] = {HS_FUNCTIONS(SYMBOL)};
#undef SYMBOL
    static const char *const files[] = {"libhs.so.5", NULL};
    if (library_load(files, "libvectorscan5", symbols, sizeof symbols / sizeof *symbols, &hs.loaded,
                     e) < 0)
        return e->code;
    if (hs.hs_valid_platform() == HS_SUCCESS) return 0;
    return err_set(e, ERR_UNSUPPORTED, "vectorscan does not run on this CPU");
}

/* ---- compiling ------------------------------------------------------------------------------ */

struct prefilter {
    hs_database_t *database; /* NULL: no pattern was taken */
    hs_scratch_t *scratch;
};

static bool is_taken(const char *pattern) {
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *why = NULL;
    bool taken = hs.hs_expression_info(pattern, FLAGS, &info, &why) == HS_SUCCESS;
    if (why) hs.hs_free_compile_error(why);
    free(info);
    return taken;
}

typedef struct batch {
    const char **patterns;
    unsigned *ids, *flags, count;
} batch;

static batch collect(arena *a, const str *patterns, size_t count, const bool *taken) {
    batch b = {.patterns = arena_calloc(a, count, sizeof *b.patterns),
               .ids = ARENA_ARRAY(a, unsigned, count),
               .flags = ARENA_ARRAY(a, unsigned, count)};
    for (size_t i = 0; i < count; i++) {
        if (!taken[i]) continue;
        b.patterns[b.count] = arena_cstr(a, patterns[i]);
        b.ids[b.count] = (unsigned)i;
        b.flags[b.count++] = FLAGS;
    }
    return b;
}

/* Of those that are TAKEN, what the library can take. It names the pattern that it cannot, or none
 * when it is their sum. */
static int compile(const str *patterns, size_t count, bool *taken, hs_database_t **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    for (bool again = true;; again = false) {
        batch b = collect(a, patterns, count, taken);
        hs_compile_error_t *why = NULL;
        *ret = NULL;
        if (b.count == 0) return 0;
        if (hs.hs_compile_multi(b.patterns, b.flags, b.ids, b.count, HS_MODE_BLOCK, NULL, ret,
                                &why) == HS_SUCCESS)
            return 0;
        int at = why ? why->expression : -1;
        err_set(e, ERR_FAILED, "vectorscan cannot compile the patterns: %s",
                why ? why->message : "no reason is given");
        if (why) hs.hs_free_compile_error(why);
        if (at < 0 || (unsigned)at >= b.count) return ERR_FAILED;
        taken[b.ids[at]] = false;
        for (unsigned i = 0; again && i < b.count; i++)
            taken[b.ids[i]] = taken[b.ids[i]] && is_taken(b.patterns[i]);
    }
}

/* ---- in a jail ------------------------------------------------------------------------------- */

#define COMPILE_CPU_S 20
#define COMPILE_MS    120000 /* on a machine that has other things to do */

typedef struct attempt {
    const str *patterns;
    size_t count;
    bool *taken;
} attempt;

/* Says 'P', which patterns are in, and the database; or why there is none. */
static void compile_inside(void *context, size_t item, strbuf *out) {
    const attempt *t = context;
    hs_database_t *database;
    char *bytes = NULL;
    size_t size = 0;
    err e = {0};
    (void)item;
    if (compile(t->patterns, t->count, t->taken, &database, &e) < 0 ||
        (database && hs.hs_serialize_database(database, &bytes, &size) != HS_SUCCESS)) {
        strbuf_adds(out, e.code ? e.message : "vectorscan cannot write down its patterns");
        return;
    }
    strbuf_addc(out, 'P');
    for (size_t i = 0; i < t->count; i++)
        strbuf_addc(out, t->taken[i] ? 1 : 0);
    if (size) strbuf_add(out, (str){bytes, size});
}

/* ERR_TIMEOUT: it could not be done with the time and memory that there is. */
static int compile_jailed(const attempt *t, hs_database_t **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    pool_work w = {.count = 1,
                   .jobs = 1,
                   .tree = -1,
                   .item_timeout_ms = COMPILE_MS,
                   .cpu_max_s = COMPILE_CPU_S,
                   .context = (void *)(uintptr_t)t,
                   .work = compile_inside};
    pool_answer *answers;
    size_t count;
    *ret = NULL;
    if (pool_run(a, &w, &answers, &count, e) < 0) return e ? e->code : ERR_FAILED;
    if (!count || answers[0].died.len) return err_set(e, ERR_TIMEOUT, "it takes too long");
    str said = answers[0].said;
    if (said.ptr[0] != 'P' || said.len < t->count + 1)
        return err_set(e, ERR_FAILED, "%.*s", STR_ARG(said));
    for (size_t i = 0; i < t->count; i++)
        t->taken[i] = said.ptr[i + 1] == 1;
    str bytes = str_sub(said, t->count + 1, said.len);
    if (bytes.len && hs.hs_deserialize_database(bytes.ptr, bytes.len, ret) != HS_SUCCESS)
        return err_set(e, ERR_FAILED, "vectorscan cannot read its patterns");
    return 0;
}

/* How many characters a pattern stands for when all its repeats are written out, which is what
 * takes time to compile. Of repeats without an end, the least. */
static uint64_t weight_of(str pattern) {
    uint64_t sums[WEIGHT_DEPTH] = {0}, last = 0;
    size_t depth = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '(' && ++depth == WEIGHT_DEPTH) return UINT64_MAX;
        if (c == '(') {
            sums[depth] = 0;
        } else if (c == ')' && depth) {
            last = sums[depth--];
            sums[depth] += last;
        } else if (c == '{' && pattern.len - i > 1 && pattern.ptr[i + 1] != '}') {
            uint64_t most = 0;
            for (i++; i < pattern.len && pattern.ptr[i] != '}'; i++) {
                char d = pattern.ptr[i];
                if (d == ',' && i + 1 < pattern.len && pattern.ptr[i + 1] != '}') most = 0;
                if (d >= '0' && d <= '9') most = most * 10 + (uint64_t)(d - '0');
                if (most > WEIGHT_MAX) return UINT64_MAX;
            }
            if (most > 1) sums[depth] += last * (most - 1);
        } else {
            if (c == '\\') i++;
            for (bool is_class = c == '['; is_class && i + 1 < pattern.len; i++) {
                if (pattern.ptr[i + 1] == ']') is_class = false;
                if (pattern.ptr[i + 1] == '\\') i++;
            }
            last = 1;
            sums[depth] += 1;
        }
        if (sums[depth] > WEIGHT_MAX) return UINT64_MAX;
    }
    return sums[0];
}

/* With all patterns, then with those that weigh less. */
static int compile_some(const str *patterns, size_t count, prefilter_state *ret_states,
                        hs_database_t **ret, err *e) {
    static const uint64_t limits[] = {WEIGHT_MAX, 1000, 250, 0};
    _cleanup_arena_ arena *a = arena_new();
    bool *taken = ARENA_ARRAY(a, bool, count);
    uint64_t *weights = ARENA_ARRAY(a, uint64_t, count);
    int r = ERR_TIMEOUT;
    for (size_t i = 0; i < count; i++) {
        bool usable = patterns[i].len > 0 && !memchr(patterns[i].ptr, '\0', patterns[i].len);
        weights[i] = usable ? weight_of(patterns[i]) : 0;
        if (usable && !weights[i]) weights[i] = 1;
    }
    for (size_t n = 0; r == ERR_TIMEOUT && n < sizeof limits / sizeof *limits; n++) {
        attempt t = {patterns, count, taken};
        for (size_t i = 0; i < count; i++) {
            bool heavy = weights[i] > limits[n];
            taken[i] = weights[i] > 0 && !heavy;
            ret_states[i] = heavy ? PREFILTER_HEAVY : PREFILTER_LEFT_OUT;
        }
        r = compile_jailed(&t, ret, e);
    }
    for (size_t i = 0; i < count; i++) {
        if (r == 0 && taken[i]) ret_states[i] = PREFILTER_TAKEN;
    }
    return r;
}

/* ---- the file ------------------------------------------------------------------------------- */

typedef struct cache_head {
    uint8_t digest[32]; /* of what follows it */
    uint64_t count, size;
} cache_head;

static char *cache_path(arena *a, const char *folder, const str *patterns, size_t count) {
    hs_platform_info_t cpu = {0};
    uint8_t digest[32];
    char hex[33];
    hs.hs_populate_platform(&cpu);
    sha256 *h = sha256_new();
    sha256_add(h, CACHE_FORMAT, sizeof CACHE_FORMAT);
    sha256_add(h, hs.hs_version(), strlen(hs.hs_version()) + 1);
    sha256_add(h, &cpu.tune, sizeof cpu.tune);
    sha256_add(h, &cpu.cpu_features, sizeof cpu.cpu_features);
    for (size_t i = 0; i < count; i++) {
        sha256_add(h, &patterns[i].len, sizeof patterns[i].len);
        sha256_add(h, patterns[i].ptr, patterns[i].len);
    }
    sha256_end(h, digest);
    hex_encode(digest, 16, hex);
    return fs_join(a, folder, arena_printf(a, CACHE_NAME "%s", hex));
}

static void digest_of(const cache_head *head, str taken, str database, uint8_t ret[32]) {
    sha256 *h = sha256_new();
    sha256_add(h, &head->count, sizeof head->count);
    sha256_add(h, &head->size, sizeof head->size);
    sha256_add(h, taken.ptr, taken.len);
    sha256_add(h, database.ptr, database.len);
    sha256_end(h, ret);
}

static bool read_cache(const char *path, size_t count, prefilter_state *ret_states,
                       hs_database_t **ret) {
    _cleanup_arena_ arena *a = arena_new();
    err ignored = {0};
    str file;
    cache_head head;
    uint8_t digest[32];
    if (fs_read_own(a, path, CACHE_MAX, &file, &ignored) < 0 || file.len < sizeof head)
        return false;
    memcpy(&head, file.ptr, sizeof head);
    file = str_sub(file, sizeof head, file.len);
    if (head.count != count || file.len < count || file.len - count != head.size) return false;
    str flags = str_sub(file, 0, count), bytes = str_sub(file, count, file.len);
    digest_of(&head, flags, bytes, digest);
    if (memcmp(digest, head.digest, sizeof digest) != 0) return false;
    *ret = NULL;
    if (bytes.len && hs.hs_deserialize_database(bytes.ptr, bytes.len, ret) != HS_SUCCESS)
        return false;
    for (size_t i = 0; i < count; i++) {
        unsigned char state = (unsigned char)flags.ptr[i];
        ret_states[i] = state < PREFILTER_STATE_COUNT ? state : PREFILTER_LEFT_OUT;
    }
    return true;
}

/* Files of rules that have changed since are of no use; which these are is not known, so when there
 * are many, all go. */
static void forget_old(const char *folder) {
    _cleanup_arena_ arena *a = arena_new();
    err ignored = {0};
    fs_entry *files;
    size_t count, ours = 0;
    if (fs_list(a, folder, &files, &count, &ignored) < 0) return;
    for (size_t i = 0; i < count; i++)
        ours += str_starts(files[i].name, STR(CACHE_NAME));
    for (size_t i = 0; i < count && ours >= CACHE_FILES; i++) {
        if (str_starts(files[i].name, STR(CACHE_NAME)))
            fs_remove(fs_join(a, folder, files[i].name), &ignored);
    }
}

static void write_cache(const char *folder, const char *path, size_t count,
                        const prefilter_state *states, const hs_database_t *database) {
    _cleanup_strbuf_ strbuf file = STRBUF_INIT, flags = STRBUF_INIT;
    err ignored = {0};
    char *bytes = NULL;
    size_t size = 0;
    if (database && hs.hs_serialize_database(database, &bytes, &size) != HS_SUCCESS) return;
    for (size_t i = 0; i < count; i++)
        strbuf_addc(&flags, (char)states[i]);
    cache_head head = {.count = count, .size = size};
    str whole = {bytes ? bytes : "", size};
    digest_of(&head, strbuf_str(&flags), whole, head.digest);
    strbuf_add(&file, (str){(const char *)&head, sizeof head});
    strbuf_add(&file, strbuf_str(&flags));
    strbuf_add(&file, whole);
    free(bytes);
    if (fs_mkdirs(folder, 0700, &ignored) < 0) return;
    forget_old(folder);
    fs_write(path, strbuf_str(&file), 0600, &ignored);
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int find_or_compile(const str *patterns, size_t count, const char *cache, bool cached_only,
                           prefilter_state *states, hs_database_t **ret, err *e) {
    _cleanup_arena_ arena *a = arena_new();
    const char *path = cache ? cache_path(a, cache, patterns, count) : NULL;
    if (path && read_cache(path, count, states, ret)) return 0;
    if (cached_only) return err_set(e, ERR_NOT_FOUND, "the patterns were not compiled yet");
    if (compile_some(patterns, count, states, ret, e) < 0) return e ? e->code : ERR_FAILED;
    if (path) write_cache(cache, path, count, states, *ret);
    return 0;
}

int prefilter_new(const str *patterns, size_t count, const char *cache, bool cached_only,
                  prefilter_state *ret_states, prefilter **ret, err *e) {
    hs_database_t *database;
    hs_scratch_t *scratch = NULL;
    int r = load(e);
    if (r == 0) r = find_or_compile(patterns, count, cache, cached_only, ret_states, &database, e);
    if (r < 0) return r;
    if (database && hs.hs_alloc_scratch(database, &scratch) != HS_SUCCESS) oom();
    *ret = mem_alloc(sizeof **ret);
    **ret = (prefilter){database, scratch};
    return 0;
}

void prefilter_free(prefilter *p) {
    if (!p) return;
    if (p->scratch) hs.hs_free_scratch(p->scratch);
    if (p->database) hs.hs_free_database(p->database);
    free(p);
}

typedef struct scan {
    prefilter_hit *hit;
    void *context;
} scan;

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                    void *context) {
    const scan *s = context;
    (void)from;
    (void)flags;
    s->hit(s->context, id, (size_t)to);
    return 0;
}

int prefilter_scan(prefilter *p, str text, prefilter_hit *hit, void *context, err *e) {
    scan s = {hit, context};
    if (text.len > UINT32_MAX)
        return err_set(e, ERR_LIMIT, "a text of more than 4 GiB cannot be searched");
    if (!p->database || !text.len) return 0;
    int code = hs.hs_scan(p->database, text.ptr, (unsigned)text.len, 0, p->scratch, on_match, &s);
    return code == HS_SUCCESS ? 0 : err_set(e, ERR_FAILED, "vectorscan failed with %d", code);
}
