#define _XOPEN_SOURCE 700 // realpath

#include "cli/outputs.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------------------------ what is read

static const char *const of_model = "a file of the model";

// Adds the file `name` beside the first `size` bytes of `path`.
static void add_named(cli_read_files *files, const char *path, size_t size,
                      const char *name)
{
    vb_string file = {0};
    vb_string_append(&file, path, size);
    if (vb_string_puts(&file, name))
        cli_read_files_add(files, file.bytes, of_model, NULL);
    files->failed = files->failed || file.failed;
    vb_string_free(&file);
}

// Adds all files of a folder; false when `path` is none.
static bool add_folder(cli_read_files *files, const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    vb_string prefix = {0};
    if (vb_string_appendf(&prefix, "%s/", path))
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
            add_named(files, prefix.bytes, prefix.size, entry->d_name);
    files->failed = files->failed || prefix.failed;
    vb_string_free(&prefix);
    closedir(folder);
    return true;
}

// Checkpoints are folders whose files all count, or single files with a vocabulary
// beside them.
static int add_model(void *list, const vblip_model_info *info)
{
    cli_read_files *files = list;
    for (const char *const *file = info->files; *file; file++)
        cli_read_files_add(files, *file, of_model, NULL);
    if (add_folder(files, info->path))
        return 0;
    const char *slash = strrchr(info->path, '/');
    cli_read_files_add(files, info->path, of_model, NULL);
    add_named(files, info->path, slash ? (size_t)(slash - info->path) + 1 : 0,
              "vocab.txt");
    return 0;
}

// A model that cannot be read is left to its loading to refuse.
static void list_model(cli_read_files *out, const vblip_model_options *model,
                       const char *path)
{
    vblip_model_options options = *model;
    options.path = path;
    options.tasks = 0;
    (void)!vblip_model_inspect(&options, add_model, out, NULL);
}

static void list_option(cli_read_files *out, const cli_sources *s, const cli_option *o)
{
    const char *file = cli_option_file_read(o, s->args);
    const char *model =
        o->file == CLI_FILE_MODEL ? cli_option_string(o, s->args) : NULL;
    if (file)
        cli_read_files_add(out, file, NULL, o);
    if (model)
        list_model(out, &s->model, model);
}

vblip_status cli_sources_list(cli_read_files *out, const cli_sources *s,
                              vblip_error *err)
{
    const cli_words *paths = &s->args->paths;
    const uint32_t inputs = s->inputs ? vblip_inputs_count(s->inputs) : 0;
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        list_option(out, s, o);
    for (uint32_t i = 0; i < paths->count; i++)
        cli_read_files_add(out, paths->items[i], "an input", NULL);
    for (uint32_t i = 0; i < inputs; i++)
        cli_read_files_add(out, vblip_inputs_at(s->inputs, i)->path, "an input", NULL);
    if (vblip_bundled_vocab())
        cli_read_files_add(out, vblip_bundled_vocab(), "the bundled vocabulary", NULL);
    if (s->model.path)
        list_model(out, &s->model, s->model.path);
    return out->failed ? vb_fail_memory(err, "inputs") : VBLIP_OK;
}

vblip_status cli_refuse_read(cli_read_files *files, const char *label, const char *path,
                             vblip_error *err)
{
    const cli_read_file *file = cli_read_files_find(files, path);
    if (!file)
        return VBLIP_OK;
    if (file->role)
        return cli_misuse(err, "%.400s: is %s", label, file->role);
    if (file->option->name)
        return cli_misuse(err, "%.400s: is read as --%s", label, file->option->name);
    return cli_misuse(err, "%.400s: is read as -%c", label, file->option->letter);
}

// --------------------------------------------------------------------- what is written

enum { MOST_TARGETS = 8 };

typedef struct target {
    vb_string path, label;
} target;

typedef struct targets {
    target items[MOST_TARGETS];
    uint32_t count;
    bool failed;
} targets;

static void add_target(targets *list, const cli_option *option, const char *path)
{
    if (list->count == MOST_TARGETS)
        return;
    target *t = &list->items[list->count++];
    vb_string_puts(&t->path, path);
    if (option && option->name)
        vb_string_appendf(&t->label, "--%s ", option->name);
    else if (option)
        vb_string_appendf(&t->label, "-%c ", option->letter);
    vb_string_puts(&t->label, path);
    list->failed = list->failed || t->path.failed || t->label.failed;
}

static void list_targets(targets *out, const cli_args *args)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        const bool written =
            o->file == CLI_FILE_WRITTEN && o->commands & 1u << args->command;
        const char *path = written ? cli_option_string(o, args) : NULL;
        if (path)
            add_target(out, o, path);
    }
    vb_string journal = {0};
    if (args->command == CLI_FILTER &&
        vb_string_appendf(&journal, "%s.partial", args->output))
        add_target(out, NULL, journal.bytes);
    out->failed = out->failed || journal.failed;
    vb_string_free(&journal);
}

static void free_targets(targets *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        vb_string_free(&list->items[i].path);
        vb_string_free(&list->items[i].label);
    }
}

static bool one_file(const char *a, const char *b, bool *failed)
{
    vb_string left = {0}, right = {0};
    *failed = !cli_file_key(&left, a) || !cli_file_key(&right, b);
    const bool same = !*failed && strcmp(left.bytes, right.bytes) == 0;
    vb_string_free(&left);
    vb_string_free(&right);
    return same;
}

static vblip_status outputs_check_apart(const targets *list, vblip_error *err)
{
    for (uint32_t i = 0; i < list->count; i++)
        for (uint32_t j = 0; j < i; j++) {
            bool failed;
            const char *path = list->items[i].path.bytes;
            if (one_file(path, list->items[j].path.bytes, &failed))
                return cli_misuse(err, "%.400s: two results in one file", path);
            if (failed)
                return vb_fail_memory(err, path);
        }
    return VBLIP_OK;
}

// ------------------------------------------- videos and images that annotations name

// Has the name an extension, and one that results do not have?
static bool may_be_media(const char *path)
{
    static const char *const results[] = {
        "txt", "tsv", "csv", "json", "jsonl", "srt", "vtt", "safetensors", "partial"};
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof results / sizeof *results; i++)
        if (strcmp(dot + 1, results[i]) == 0)
            return false;
    return dot != NULL;
}

// Does the file `path` lie in `folder` or below?
static bool lies_in(const char *path, const char *folder)
{
    char file[PATH_MAX], above[PATH_MAX];
    if (!realpath(path, file) || !realpath(folder, above))
        return false;
    const size_t size = strlen(above);
    return strncmp(file, above, size) == 0 && (file[size] == '/' || size == 1);
}

// The folder in which a data set's videos and images are looked for, in `out`.
static void write_media_folder(vb_string *out, const cli_args *args)
{
    const char *file =
        args->command == CLI_FILTER ? args->paths.items[0] : args->annotations;
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (args->media)
        vb_string_puts(out, args->media);
    else if (slash)
        vb_string_append(out, file, (size_t)(slash - file) + 1);
    else
        vb_string_puts(out, ".");
}

// The names in the annotations are not known yet, so that any file in their folder whose
// extension is not one of results may be one that is read.
static vblip_status check_media(const cli_args *args, const target *t, vblip_error *err)
{
    if (!cli_file_is_replaceable(t->path.bytes) || !may_be_media(t->path.bytes))
        return VBLIP_OK;
    vb_string folder = {0};
    write_media_folder(&folder, args);
    vblip_status status = VBLIP_OK;
    if (folder.failed)
        status = vb_fail_memory(err, t->path.bytes);
    else if (lies_in(t->path.bytes, folder.bytes))
        status = cli_misuse(err,
                            "%.400s: may be an input: it is among the videos and "
                            "images",
                            t->label.bytes);
    vb_string_free(&folder);
    return status;
}

// ----------------------------------------------------------------------------- the rule

static bool any_is_there(const targets *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (cli_file_is_replaceable(list->items[i].path.bytes))
            return true;
    return false;
}

static vblip_status check_against_sources(const targets *list, const cli_sources *s,
                                          vblip_error *err)
{
    cli_read_files files = {0};
    vblip_status status = cli_sources_list(&files, s, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < list->count; i++) {
        const target *t = &list->items[i];
        status = cli_refuse_read(&files, t->label.bytes, t->path.bytes, err);
        if (status == VBLIP_OK && s->annotated)
            status = check_media(s->args, t, err);
    }
    cli_read_files_free(&files);
    return status;
}

vblip_status cli_outputs_check(const cli_sources *sources, vblip_error *err)
{
    targets list = {0};
    list_targets(&list, sources->args);
    vblip_status status =
        list.failed ? vb_fail_memory(err, "output") : outputs_check_apart(&list, err);
    if (status == VBLIP_OK && any_is_there(&list)) // what is not there replaces nothing
        status = check_against_sources(&list, sources, err);
    free_targets(&list);
    return status;
}
