#include "unit.h"

#include "base/table.h"

typedef struct numbers {
    uint64_t items[5000];
    size_t count;
    uint64_t mask; /* of their hashes */
    table_index table;
} numbers;

static uint64_t hash_at(const void *owner, size_t index) {
    const numbers *n = owner;
    return n->items[index] & n->mask;
}

static ptrdiff_t find(const numbers *n, uint64_t item) {
    size_t at = table_begin(&n->table, item & n->mask);
    for (uint32_t i; table_next(&n->table, &at, &i);) {
        if (n->items[i] == item) return (ptrdiff_t)i;
    }
    return -1;
}

static void check_all(const numbers *n) {
    for (size_t i = 0; i < n->count; i++)
        assert_int_equal(find(n, n->items[i]), i);
    assert_int_equal(find(n, UINT64_MAX), -1);
}

static void fill(numbers *n, arena *a, size_t count) {
    while (n->count < count) {
        n->items[n->count] = n->count * 7919;
        table_add(&n->table, a, n->count++, hash_at, n);
        assert_int_equal(find(n, n->items[n->count - 1]), n->count - 1);
    }
    check_all(n);
}

static void an_empty_table_has_nothing(void **state) {
    (void)state;
    static const numbers n;
    assert_int_equal(find(&n, 0), -1);
}

static void what_was_added_is_found_however_often_it_grows(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    static numbers on_arena = {.mask = UINT64_MAX}, on_heap = {.mask = UINT64_MAX};
    fill(&on_arena, a, 5000);
    fill(&on_heap, NULL, 5000);
    table_done(&on_heap.table);
    assert_int_equal(find(&on_heap, 0), -1);
}

static void items_of_one_hash_are_told_apart(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    static numbers same = {.mask = 0}, last = {.mask = 63};
    fill(&same, a, 200);
    fill(&last, a, 1000);
}

static void a_table_may_begin_when_its_array_has_become_large(void **state) {
    (void)state;
    for (size_t count = 1; count < 200; count++) {
        _cleanup_arena_ arena *a = arena_new();
        numbers *n = ARENA_NEW(a, numbers);
        n->mask = UINT64_MAX;
        for (n->count = 0; n->count < count; n->count++)
            n->items[n->count] = n->count * 31;
        table_add(&n->table, a, count - 1, hash_at, n);
        check_all(n);
    }
}

static void at_least_half_of_the_places_are_free(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    static numbers n = {.mask = UINT64_MAX};
    while (n.count < 5000) {
        n.items[n.count] = n.count;
        table_add(&n.table, a, n.count++, hash_at, &n);
        assert_true(n.count * 2 <= n.table.mask + 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table_has_nothing),
        cmocka_unit_test(what_was_added_is_found_however_often_it_grows),
        cmocka_unit_test(items_of_one_hash_are_told_apart),
        cmocka_unit_test(a_table_may_begin_when_its_array_has_become_large),
        cmocka_unit_test(at_least_half_of_the_places_are_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
