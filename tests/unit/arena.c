#include "unit.h"

#include "base/json.h"
#include "base/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif
#ifndef HAS_ASAN
#define HAS_ASAN 0
#endif

static void memory_is_zeroed_aligned_and_apart(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    static const size_t sizes[] = {0, 1, 7, 16, 100, 4096, 5000, 1 << 20, 3 << 20, 8};
    unsigned char *blocks[100];
    for (size_t i = 0; i < 100; i++) {
        size_t size = sizes[i % 10];
        blocks[i] = arena_alloc(a, size);
        assert_int_equal((uintptr_t)blocks[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < size; j++) {
            if (blocks[i][j]) fail_msg("byte %zu of block %zu is not zero", j, i);
        }
        memset(blocks[i], (int)i + 1, size);
    }
    for (size_t i = 0; i < 100; i++) {
        for (size_t j = 0; j < sizes[i % 10]; j++) {
            if (blocks[i][j] != i + 1) fail_msg("byte %zu of block %zu was overwritten", j, i);
        }
    }
    assert_true(arena_used(a) >= 40 << 20);
    arena_free(NULL);
}

static void text_is_copied_and_terminated(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    char text[] = "abcdef";
    str copy = arena_str(a, (str){text, 3});
    text[0] = 'x';
    assert_string_equal(copy.ptr, "abc");
    assert_int_equal(copy.len, 3);
    assert_string_equal(arena_cstr(a, (str){NULL, 0}), "");
    assert_str(arena_printf(a, "%s-%d", "a", 7), "a-7");
}

static void arrays_grow_by_pushing(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    int *items = NULL;
    size_t count = 0, cap = 0;
    for (int i = 0; i < 10000; i++)
        ARENA_PUSH(a, items, count, cap, i);
    assert_int_equal(count, 10000);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(items[i], i);
}

/* ---- without memory -------------------------------------------------------------------------- */

#define ADDRESS_SPACE ((rlim_t)64 << 20)

static void fill_an_arena(void) {
    arena *a = arena_new();
    for (;;)
        arena_alloc(a, 1000);
}

static void fill_an_arena_with_large_blocks(void) {
    arena *a = arena_new();
    for (;;)
        arena_alloc(a, 5 << 20);
}

static void fill_a_buffer(void) {
    strbuf b = STRBUF_INIT;
    for (;;)
        strbuf_pad(&b, 'x', 100000);
}

static void overflow_a_product(void) {
    arena *a = arena_new();
    arena_calloc(a, SIZE_MAX / 2, 4);
}

static void overflow_a_size(void) {
    arena *a = arena_new();
    arena_alloc(a, SIZE_MAX - 3);
}

static void parse_much_json(void) {
    strbuf b = STRBUF_INIT;
    strbuf_pad(&b, '[', 1);
    for (int i = 0; i < 4 << 20; i++)
        strbuf_adds(&b, "1,");
    strbuf_adds(&b, "1]");
    value v;
    json_parse(arena_new(), strbuf_str(&b), 0, &v, NULL);
}

static void parse_much_yaml(void) {
    strbuf b = STRBUF_INIT;
    strbuf_adds(&b, "[");
    for (int i = 0; i < 4 << 20; i++)
        strbuf_adds(&b, "1,");
    strbuf_adds(&b, "1]");
    const yaml_limits limits = {.max_bytes = SIZE_MAX, .max_nodes = SIZE_MAX};
    const yaml_node *root;
    yaml_parse(arena_new(), strbuf_str(&b), "f", &limits, &root, NULL);
}

static void a_process_without_memory_says_so_and_ends_with_2(void **state) {
    static void (*const consumers[])(void) = {fill_an_arena,   fill_an_arena_with_large_blocks,
                                              fill_a_buffer,   overflow_a_product,
                                              overflow_a_size, parse_much_json,
                                              parse_much_yaml};
    if (HAS_ASAN) skip(); /* its shadow does not fit into a small address space */
    for (size_t i = 0; i < sizeof consumers / sizeof *consumers; i++) {
        int fds[2], status;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            struct rlimit limit = {ADDRESS_SPACE, ADDRESS_SPACE};
            dup2(fds[1], STDERR_FILENO);
            if (setrlimit(RLIMIT_AS, &limit) == 0) consumers[i]();
            _exit(0);
        }
        close(fds[1]);
        char text[200] = "";
        ssize_t n = read(fds[0], text, sizeof text - 1);
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
            fail_msg("consumer %zu: status %#x", i, (unsigned)status);
        assert_true(n > 0);
        assert_string_equal(text, "slipway: error: the machine is out of memory\n");
    }
}

static void ill_formed_bytes_are_replaced(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    assert_str(arena_utf8(a, STR("plain")), "plain");
    assert_str(arena_utf8(a, STR("a\xff"
                                 "b")),
               "a\xef\xbf\xbd"
               "b");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(text_is_copied_and_terminated),
        cmocka_unit_test(arrays_grow_by_pushing),
        cmocka_unit_test(a_process_without_memory_says_so_and_ends_with_2),
        cmocka_unit_test(ill_formed_bytes_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
