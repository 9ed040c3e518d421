// test_together.c - an index, captions and answers of files that are read together are those
// that each task makes of them alone.
#include "support/library_fixture.h"
#include "vblip_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 4 }; // an index, captions, answers about wholes, and about segments

typedef struct joint {
    uint32_t which;
    vblip_model *model;
    const vblip_inputs *inputs;
    uint32_t *met; // how many were ready before any began
    char said[8192];
    uint64_t decoded; // frames
    vblip_status status;
    vblip_error err;
} joint;

static int say_text(joint *j, const char *path, const char *text, int64_t start_us,
                    int64_t end_us, float score)
{
    const size_t at = strlen(j->said);
    snprintf(j->said + at, sizeof j->said - at, "%s %d-%d %s %a;",
             strrchr(path, '/') + 1, (int)start_us, (int)end_us, text, (double)score);
    return 0;
}

static int say_caption(void *user, const vblip_caption *c)
{
    return say_text(user, c->path, c->text, c->start_us, c->end_us, c->score);
}

static int say_answer(void *user, const vblip_answer *a)
{
    return say_text(user, a->path, a->text, a->start_us, a->end_us, a->score);
}

static int say_failure(void *user, const vblip_failure *failure)
{
    return say_text(user, failure->path, failure->message, 0, 0, 0);
}

static vblip_status make_index(joint *j, const vblip_job *job, vblip_error *err)
{
    vblip_library *library = NULL;
    vblip_index_changes changes = {0};
    const vblip_library_options options = {.data_dir = data, .write = true};
    vblip_status status =
        vblip_library_open(&library, j->model, j->inputs, &options, err);
    if (status == VBLIP_OK)
        status = vblip_library_update(library, job, &changes, err);
    vblip_library_close(&library);
    return status;
}

static void run_joint(void *user, vblip_member *member)
{
    static const char *const questions[] = {"what is it?", "how many?"};
    joint *j = user;
    const vblip_job job = {.failed = say_failure, .user = j, .member = member};
    const vblip_caption_options caption = {.job = &job, .every_us = 200000};
    const vblip_ask_options ask = {.job = &job, .segment = j->which == 3 ? "1" : NULL};
    const uint64_t before = vblip_model_counts(j->model).frames_decoded;
    if (member) {
        ++*j->met;
        vblip_meet(member);
        assert_int_equal(*j->met, TASKS);
    }
    if (j->which == 0)
        j->status = make_index(j, &job, &j->err);
    else if (j->which == 1)
        j->status = vblip_caption_inputs(j->model, j->inputs, &caption, say_caption, j,
                                         &j->err);
    else
        j->status =
            vblip_ask(j->model, j->inputs, questions, 2, &ask, say_answer, j, &j->err);
    j->decoded = vblip_model_counts(j->model).frames_decoded - before;
}

static vblip_model *load_sized(const char *name, uint32_t side)
{
    vblip_error err;
    vblip_model *model = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/%s", VB_CHECKPOINTS, name);
    const vblip_model_options options = {.path = path, .image_size = side};
    api_ok(vblip_model_load(&model, api_engine, &options, &err), &err);
    return model;
}

// The models see the frames in several sizes.
static void test_rows_of_each_alone(void **state)
{
    (void)state;
    static joint alone[TASKS], all[TASKS];
    const char *path = media;
    vblip_error err;
    vblip_inputs *inputs = NULL;
    seen_hits hits[2];
    void *users[TASKS];
    uint32_t met = 0;
    vblip_model *models[TASKS] = {
        load_sized("tiny-retrieval", 0), load_sized("tiny-caption", 32),
        load_sized("tiny-vqa", 48), load_sized("tiny-vqa", 64)};
    for (uint32_t together = 0; together < 2; together++) {
        start_over();
        copy_clip("c.mp4", 2);
        copy_clip("d.mp4", 3);
        char bad[TEMP_PATH];
        temp_write_bytes(temp_path(bad, media, "bad.mp4"), "no video", 8);
        api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
        for (uint32_t i = 0; i < TASKS; i++) {
            joint *j = together ? &all[i] : &alone[i];
            *j = (joint){.which = i, .model = models[i], .inputs = inputs, .met = &met};
            users[i] = j;
            if (!together)
                run_joint(j, NULL);
        }
        if (together)
            api_ok(vblip_together(run_joint, users, TASKS, inputs, &err), &err);
        vblip_inputs_close(&inputs);
        const vblip_index_changes changes = search_folder(
            models[0], &hits[together], (vblip_library_options){.data_dir = data});
        assert_int_equal(changes.unchanged, 4);
    }
    for (uint32_t i = 0; i < TASKS; i++) {
        api_ok(all[i].status, &all[i].err);
        assert_string_equal(all[i].said, alone[i].said);
        assert_non_null(strstr(all[i].said, "bad.mp4 0-0 "));
        assert_int_equal(all[i].decoded, alone[i].decoded);
        vblip_model_free(&models[i]);
    }
    assert_string_equal(hits[1].lines, hits[0].lines);
    assert_int_equal(hits[1].count, 4);
    assert_memory_equal(hits[1].itc, hits[0].itc, sizeof hits[0].itc);
    assert_memory_equal(hits[1].logits, hits[0].logits, sizeof hits[0].logits);
    vblip_meet(NULL);
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_together(run_joint, NULL, 0, inputs, &err), &err);
    api_refused(vblip_together(NULL, users, TASKS, inputs, &err), VBLIP_ERR_ARGUMENT,
                &err, "fn");
    api_refused(vblip_together(run_joint, NULL, 1, inputs, &err), VBLIP_ERR_ARGUMENT,
                &err, "users");
    api_refused(vblip_together(run_joint, users, 1, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "inputs");
    vblip_inputs_close(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_of_each_alone)};
    return cmocka_run_group_tests(tests, library_setup, library_teardown);
}
