#include "unit.h"

#include "base/value.h"

#include <stdio.h>

static void objects_find_keys_without_case_and_keep_order(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value o = value_object_new(a, false);
    for (int i = 0; i < 100; i++)
        value_set(a, &o, arena_printf(a, "Key%d", i), value_number(i));
    value_set(a, &o, STR("KEY7"), value_number(-7));
    assert_int_equal(value_count(&o), 100);
    assert_str(value_at(&o, 7)->key, "Key7");
    assert_true(value_get(&o, STR("key7"))->number == -7);
    assert_true(value_get(&o, STR("kEY99"))->number == 99);
    assert_null(value_get(&o, STR("key100")));
}

static void case_sensitive_objects_tell_keys_apart(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value o = value_object_new(a, true);
    value_set_str(a, &o, "A", STR("upper"));
    value_set_str(a, &o, "a", STR("lower"));
    assert_int_equal(value_count(&o), 2);
    assert_str(value_path_str(&o, "A"), "upper");
}

static void arrays_grow_and_copies_are_deep(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value list = value_array_new(a);
    for (int i = 0; i < 1000; i++)
        value_push(a, &list, value_number(i));
    _cleanup_arena_ arena *b = arena_new();
    value copy = value_copy(b, &list);
    assert_true(value_same(&list, &copy));
    copy.array.items[999].number = 0;
    assert_false(value_same(&list, &copy));
}

static void every_array_has_its_own_identity(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    value one = value_array_new(a), other = value_array_new(a);
    assert_non_null(one.array.items);
    assert_ptr_not_equal(one.array.items, other.array.items);
}

static void sized_arrays_and_objects_grow_on(void **state) {
    (void)state;
    _cleanup_arena_ arena *a = arena_new();
    for (size_t size = 0; size < 40; size++) {
        value list = value_array_sized(a, size), object = value_object_sized(a, false, size);
        assert_int_equal(value_count(&list), size);
        assert_int_equal(value_count(&object), 0);
        for (size_t i = 0; i < size; i++)
            assert_true(list.array.items[i].kind == VALUE_NULL);
        for (size_t i = 0; i < 50; i++) {
            value_push(a, &list, value_number((double)i));
            value_set(a, &object, arena_printf(a, "k%zu", i), value_number((double)i));
        }
        assert_int_equal(value_count(&list), size + 50);
        assert_int_equal(value_count(&object), 50);
        for (size_t i = 0; i < 50; i++) {
            assert_true(list.array.items[size + i].number == (double)i);
            assert_true(value_get(&object, arena_printf(a, "K%zu", i))->number == (double)i);
        }
    }
}

static void all_keys_of_an_object_are_set(void **state) {
    _cleanup_arena_ arena *a = arena_new();
    value into = value_object_new(a, false), from = value_object_new(a, false);
    value list = value_array_new(a);
    value_push(a, &list, value_number(1));
    value_set_str(a, &into, "A", STR("old"));
    value_set_str(a, &into, "b", STR("kept"));
    value_set_str(a, &from, "a", STR("new"));
    value_set_all(a, &into, &from);
    value_set_all(a, &into, &list);
    value_set_all(a, &into, NULL);
    assert_int_equal(value_count(&into), 2);
    assert_str(value_get(&into, STR("a"))->string, "new");
    assert_str(value_get(&into, STR("b"))->string, "kept");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_keys_of_an_object_are_set),
        cmocka_unit_test(objects_find_keys_without_case_and_keep_order),
        cmocka_unit_test(case_sensitive_objects_tell_keys_apart),
        cmocka_unit_test(sized_arrays_and_objects_grow_on),
        cmocka_unit_test(arrays_grow_and_copies_are_deep),
        cmocka_unit_test(every_array_has_its_own_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
