// test_locate.c - what a user calls a model leads to its folder, or to a reason.
#include "checkpoint/hub.h"
#include "checkpoint/locate.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void must_locate(const char *path, const char *hub, size_t count,
                        const char *first)
{
    vb_arena arena = {0};
    vb_candidates found;
    vblip_error err = {0};
    if (vb_locate(&found, &arena, path, hub, &err) != VBLIP_OK)
        fail_msg("%s: %s", path, err.message);
    assert_int_equal(found.count, count);
    assert_string_equal(found.items[0].path, first);
    vb_arena_free(&arena);
}

static void must_refuse(const char *path, const char *hub, vblip_status status,
                        const char *message)
{
    vb_arena arena = {0};
    vb_candidates found;
    vblip_error err = {0};
    vblip_status got = vb_locate(&found, &arena, path, hub, &err);
    if (got != status || found.count || !strstr(err.message, message))
        fail_msg("%s: status %d, message \"%s\"", path, got, err.message);
    vb_arena_free(&arena);
}

static void test_hub_names_are_two_words(void **state)
{
    (void)state;
    static const char *const names[] = {"Salesforce/blip-vqa-base", "a/b",
                                        "me/my_model.v1.0", "0/-"};
    static const char *const others[] = {
        "",    "blip", "a/",    "/b",    "a/b/c",           "../b", "a/..", "a/.b",
        "./a", "a//b", "a b/c", "a/b\n", "models/\xc3\xa9", "a/b/", "~/b",  "a/b?c",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!vb_hub_is_name(names[i]))
            fail_msg("%s", names[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (vb_hub_is_name(others[i]))
            fail_msg("%s", others[i]);
}

#define REPOSITORY "models--Salesforce--blip-vqa-base"
static const char name[] = "Salesforce/blip-vqa-base";

static void test_hub_names_lead_to_the_snapshot_of_main(void **state)
{
    (void)state;
    temp_write(temp_folder, REPOSITORY "/refs/main", "787b3d3\n");
    temp_write(temp_folder, REPOSITORY "/snapshots/787b3d3/config.json", "{}");
    temp_write(temp_folder, REPOSITORY "/snapshots/0000000/config.json", "{}");
    char snapshot[256];
    snprintf(snapshot, sizeof snapshot, "%s/" REPOSITORY "/snapshots/787b3d3",
             temp_folder);
    must_locate(name, temp_folder, 1, snapshot);
}

static void test_hub_names_that_are_not_there_say_where_was_looked(void **state)
{
    (void)state;
    char message[256];
    snprintf(
        message, sizeof message,
        "Salesforce/blip-vqa-base: no such folder or file; if it is a model's name "
        "on the hub, it is not in the cache %s: hf download Salesforce/",
        temp_folder);
    must_refuse(name, temp_folder, VBLIP_ERR_IO, message);
    must_refuse(name, NULL, VBLIP_ERR_IO, "there is no Hugging Face cache");
    must_refuse(name, "", VBLIP_ERR_IO, "there is no Hugging Face cache");

    temp_write(temp_folder, REPOSITORY "/blobs/787b3d3", "x");
    must_refuse(name, temp_folder, VBLIP_ERR_IO,
                REPOSITORY ": no refs/main, and 0 snapshots, expected 1");
    temp_write(temp_folder, REPOSITORY "/snapshots/787b3d3/vocab.txt", "x");
    temp_write(temp_folder, REPOSITORY "/snapshots/ffffff/vocab.txt", "x");
    must_refuse(name, temp_folder, VBLIP_ERR_IO,
                "no refs/main, and 2 snapshots, expected 1");
    temp_write(temp_folder, REPOSITORY "/refs/main", "1111111");
    must_refuse(name, temp_folder, VBLIP_ERR_IO, "its snapshot is missing");
    temp_write(temp_folder, REPOSITORY "/refs/main", "787b3d3");
    must_refuse(name, temp_folder, VBLIP_ERR_FORMAT, ": no config.json");
}

// `download --revision COMMIT` writes no refs/main.
static void test_without_a_reference_the_only_snapshot_is_taken(void **state)
{
    (void)state;
    temp_write(temp_folder, REPOSITORY "/snapshots/787b3d3/config.json", "{}");
    temp_write(temp_folder, REPOSITORY "/snapshots/.DS_Store", "x");
    char snapshot[256];
    snprintf(snapshot, sizeof snapshot, "%s/" REPOSITORY "/snapshots/787b3d3",
             temp_folder);
    must_locate(name, temp_folder, 1, snapshot);
}

static void test_the_folder_of_a_cache_is_the_model_that_it_keeps(void **state)
{
    (void)state;
    temp_write(temp_folder, REPOSITORY "/refs/main", "787b3d3");
    temp_write(temp_folder, REPOSITORY "/snapshots/787b3d3/config.json", "{}");
    temp_write(temp_folder, REPOSITORY "/snapshots/0000000/config.json", "{}");
    char path[128], snapshot[256];
    snprintf(snapshot, sizeof snapshot, "%s/" REPOSITORY "/snapshots/787b3d3",
             temp_folder);
    snprintf(path, sizeof path, "%s/" REPOSITORY, temp_folder);
    must_locate(path, NULL, 1, snapshot);
    snprintf(path, sizeof path, "%s/" REPOSITORY "//", temp_folder);
    must_locate(path, NULL, 1, snapshot);

    snprintf(path, sizeof path, "%s/" REPOSITORY "/refs/main", temp_folder);
    assert_int_equal(unlink(path), 0);
    snprintf(path, sizeof path, "%s/" REPOSITORY, temp_folder);
    must_refuse(path, NULL, VBLIP_ERR_IO,
                "no refs/main, and 2 snapshots, expected 1: name the folder of one");
    temp_write(temp_folder, REPOSITORY "/refs/main", "1111111");
    must_refuse(path, NULL, VBLIP_ERR_IO, "/snapshots/1111111");
    temp_write(temp_folder, REPOSITORY "/snapshots/1111111/README.md", "x");
    must_refuse(path, NULL, VBLIP_ERR_FORMAT, "/1111111: no config.json, neither here");
}

// What a training run leaves, and a folder of snapshots.
static void test_a_folder_above_checkpoints_names_one(void **state)
{
    (void)state;
    temp_write(temp_folder, "checkpoint-500/config.json", "{}");
    temp_write(temp_folder, "checkpoint-1000/config.json", "{}");
    temp_write(temp_folder, "runs/events", "x");
    temp_write(temp_folder, ".hidden/config.json", "{}");
    must_refuse(temp_folder, NULL, VBLIP_ERR_FORMAT,
                ": no config.json: checkpoints are in 2 of its folders: name one, "
                "checkpoint-1000");
    temp_write(temp_folder, "base/" REPOSITORY "/snapshots/787b3d3/config.json", "{}");
    char path[128];
    snprintf(path, sizeof path, "%s/base", temp_folder);
    must_refuse(path, NULL, VBLIP_ERR_FORMAT,
                "in 1 of its folders: name one, " REPOSITORY);
}

// What is neither absent nor there is an error of its own.
static void test_what_the_hub_cannot_be_read_for_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *loop, *files[2]; // a link to itself, and what is there
    } rows[] = {
        {REPOSITORY, {NULL}},
        {REPOSITORY "/refs/main",
         {REPOSITORY "/snapshots/787b3d3/config.json", REPOSITORY "/refs/other"}},
        {REPOSITORY "/snapshots", {REPOSITORY "/refs/other"}},
        {REPOSITORY "/snapshots/787b3d3",
         {REPOSITORY "/refs/main", REPOSITORY "/snapshots/other/config.json"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[256], message[320];
        for (int f = 0; f < 2 && rows[i].files[f]; f++)
            temp_write(temp_folder, rows[i].files[f], "787b3d3");
        snprintf(path, sizeof path, "%s/%s", temp_folder, rows[i].loop);
        snprintf(message, sizeof message, "%s: Too many levels of symbolic links",
                 path);
        assert_int_equal(symlink(path, path), 0);
        must_refuse(name, temp_folder, VBLIP_ERR_IO, message);
        temp_remove(temp_folder);
        assert_int_equal(mkdir(temp_folder, 0700), 0);
    }
}

// refs/main is a file like any other: it must not lead out of the cache.
static void test_hub_references_are_one_folder_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"",  "\n",  "../../x", "a/b", "..",
                                      ".", "a b", "a\nb",    "/etc"};
    temp_write(temp_folder, REPOSITORY "/snapshots/a/config.json", "{}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        temp_write(temp_folder, REPOSITORY "/refs/main", bad[i]);
        must_refuse(name, temp_folder, VBLIP_ERR_FORMAT, "not the name of a snapshot");
    }
}

static void test_folders_and_sets_are_found(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/", temp_folder);
    must_refuse(path, NULL, VBLIP_ERR_FORMAT, ": no config.json");
    temp_write(temp_folder, "vqa/config.json", "{}");
    temp_write(temp_folder, "caption/config.json", "{}");
    temp_write(temp_folder, "retrieval/vocab.txt", "x");
    snprintf(path, sizeof path, "%s/caption", temp_folder);
    must_locate(temp_folder, NULL, 2, path);
    temp_write(temp_folder, "config.json", "{}");
    must_locate(temp_folder, NULL, 1, temp_folder);
}

static void test_files_of_weights_are_places(void **state)
{
    (void)state;
    static const char *const files[] = {"model_base.pth", "x.pt", "pytorch_model.bin",
                                        "model.safetensors"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        temp_write(temp_folder, files[i], "x");
        snprintf(path, sizeof path, "%s/%s", temp_folder, files[i]);
        must_locate(path, NULL, 1, path);
    }
}

static void test_adapters_are_refused_alone_and_beside_their_base(void **state)
{
    (void)state;
    static const char what[] =
        "adapter_config.json: an adapter, which is not applied: merge it with peft, "
        "model.merge_and_unload().save_pretrained(NEW)";
    temp_write(temp_folder, "adapter_config.json", "{}");
    must_refuse(temp_folder, NULL, VBLIP_ERR_UNSUPPORTED, what);
    temp_write(temp_folder, "config.json", "{}");
    must_refuse(temp_folder, NULL, VBLIP_ERR_UNSUPPORTED, what);
}

static void test_other_files_and_nothing_are_refused(void **state)
{
    (void)state;
    static const char *const files[] = {"notes.txt", "model.onnx", "a.h5"};
    char path[128];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        temp_write(temp_folder, files[i], "x");
        snprintf(path, sizeof path, "%s/%s", temp_folder, files[i]);
        must_refuse(path, NULL, VBLIP_ERR_FORMAT,
                    ": expected a checkpoint folder, or a .pth, .pt, .bin, "
                    ".ckpt or .safetensors file");
    }
    snprintf(path, sizeof path, "%s/nowhere", temp_folder);
    must_refuse(path, temp_folder, VBLIP_ERR_IO, "/nowhere: No such file or directory");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hub_names_are_two_words),
        TEST(test_hub_names_lead_to_the_snapshot_of_main),
        TEST(test_hub_names_that_are_not_there_say_where_was_looked),
        TEST(test_what_the_hub_cannot_be_read_for_is_said),
        TEST(test_without_a_reference_the_only_snapshot_is_taken),
        TEST(test_the_folder_of_a_cache_is_the_model_that_it_keeps),
        TEST(test_a_folder_above_checkpoints_names_one),
        TEST(test_hub_references_are_one_folder_name),
        TEST(test_folders_and_sets_are_found),
        TEST(test_files_of_weights_are_places),
        TEST(test_adapters_are_refused_alone_and_beside_their_base),
        TEST(test_other_files_and_nothing_are_refused),
    };
    return cmocka_run_group_tests_name("locate", tests, NULL, NULL);
}
