#include "base/yaml.h"

#include "base/buf.h"
#include "base/macros.h"
#include "test.h"

static const struct {
    const char *name, *text, *error;
} broken[] = {
    { "tab as indentation", "a:\n\t- 1\n", "line 2, column 1: " },
    { "unclosed quote", "a: \"x\n", "line " },
    { "key twice", "a: 1\nb: 2\na: 3\n", "line 3, column 1: key \"a\" stands here a second time" },
    { "alias", "a: &x [1]\nb: *x\n", "line 2, column 4: aliases (*name) are not taken" },
    { "list as key", "? [1]\n: 2\n", "a key must be plain text" },
    { "alias as key", "a: &x 1\n*x : 2\n", "line 2, column 1: aliases (*name) are not taken" },
    { "two documents", "a: 1\n---\nb: 2\n", "line 2, column 1: a second document begins" },
    { "a mistake after the document", "a: 1\n...\n%", "line 3, column " },
};

TEST(yaml_parse_names_the_line_of_what_is_wrong)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(broken); i++) {
        struct arena a = ARENA_INIT;
        struct err err = ERR_INIT;
        const struct yaml_node *root;

        CHECK_RC(ERR_INVALID, yaml_parse(&root, &a, str_c(broken[i].text), &err));
        CHECK_CONTAINS(str_c(err.text), broken[i].error);
        arena_release(&a);
    }
}

TEST(yaml_parse_gives_scalars_lists_and_maps_with_their_lines)
{
    struct arena a = ARENA_INIT;
    const struct yaml_node *root, *list;
    bool flag = false;

    CHECK_OK(
        yaml_parse(&root, &a,
                   STR("name: Clinic\nopen: yes\nquoted: \"yes\"\nlist:\n  - 1\n  - two words\n"
                       "none: ~\n"),
                   NULL));
    CHECK_STR(yaml_str_or(yaml_get(root, "name"), STR_EMPTY), "Clinic");
    CHECK_OK(yaml_bool(yaml_get(root, "open"), &flag));
    CHECK(flag);
    CHECK_RC(ERR_INVALID, yaml_bool(yaml_get(root, "quoted"), &flag));
    list = yaml_get(root, "list");
    CHECK_INT(yaml_len(list), 2);
    CHECK_INT(yaml_i64_or(yaml_at(list, 0), 0), 1);
    CHECK_INT(yaml_at(list, 1)->line, 6);
    CHECK_STR(yaml_str_or(yaml_at(list, 1), STR_EMPTY), "two words");
    CHECK(yaml_get(root, "none") == NULL);
    arena_release(&a);
}

TEST(yaml_parse_takes_lists_and_maps_of_any_length_up_to_its_limits)
{
    struct arena a = ARENA_INIT;
    struct buf text = BUF_INIT(65536);
    const struct yaml_node *root;
    struct err err = ERR_INIT;
    int i;

    for (i = 0; i < 300; i++)
        buf_addf(&text, "key%d: [%d, {a: b, c: d}]\n", i, i);
    CHECK_OK(yaml_parse(&root, &a, buf_str(&text), NULL));
    CHECK_INT(yaml_len(root), 300);
    for (i = 0; i < 300; i++) {
        CHECK_INT(yaml_i64_or(yaml_at(&root->item[i], 0), -1), i);
        CHECK_INT(root->key_line[i], i + 1);
        CHECK_STR(yaml_str_or(yaml_get(yaml_at(&root->item[i], 1), "c"), STR_EMPTY), "d");
    }
    buf_reset(&text);
    for (i = 0; i <= YAML_DEPTH_MAX; i++)
        buf_add_char(&text, '[');
    for (i = 0; i <= YAML_DEPTH_MAX; i++)
        buf_add_char(&text, ']');
    CHECK_OK(yaml_parse(&root, &a, str_slice(buf_str(&text), 1, text.n - 1), NULL));
    CHECK_OK(yaml_parse(&root, &a, buf_str(&text), NULL));
    buf_reset(&text);
    for (i = 0; i <= YAML_DEPTH_MAX + 1; i++)
        buf_add_c(&text, "[\n");
    CHECK_RC(ERR_INVALID, yaml_parse(&root, &a, buf_str(&text), &err));
    CHECK_STR(str_c(err.text), "line 34: too deep or too large");
    buf_release(&text);
    arena_release(&a);
}

TEST(yaml_parse_takes_an_empty_document_as_an_empty_map)
{
    struct arena a = ARENA_INIT;
    const struct yaml_node *root;

    CHECK_OK(yaml_parse(&root, &a, STR("# nothing\n"), NULL));
    CHECK_INT(root->kind, YAML_MAP);
    CHECK_INT(yaml_len(root), 0);
    arena_release(&a);
}

TEST(yaml_check_keys_names_the_unknown_key_and_the_allowed_ones)
{
    struct arena a = ARENA_INIT;
    struct err err = ERR_INIT;
    const struct yaml_node *root;

    CHECK_OK(yaml_parse(&root, &a, STR("name: x\nnmae: y\n"), NULL));
    CHECK_RC(ERR_INVALID, yaml_check_keys(root, "profile", "name|hours", &err));
    CHECK_STR(str_c(err.text), "line 2: profile has no key \"nmae\"; allowed: name|hours");
    arena_release(&a);
}
