#include "cli/outputs.h"

#include "cli/example.h"
#include "output/targets.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// ------------------------------------------------------------------------ what is read

static const char *const of_model = "a file of the model";

// Beside a checkpoint, or over it; `calibrate` reads none and writes one.
static const char calibration_name[] = "calibration.json";

// A model's files on their way into a list.
typedef struct model_files {
    vb_read_files *files;
    bool calibrates; // its calibration is written, not read
} model_files;

// Adds the file `name` beside the first `size` bytes of `path`.
static void add_named(vb_read_files *files, const char *path, size_t size,
                      const char *name)
{
    vb_string file = {0};
    vb_string_append(&file, path, size);
    if (vb_string_puts(&file, name))
        vb_read_files_add(files, file.bytes, of_model);
    files->failed = files->failed || file.failed;
    vb_string_free(&file);
}

// Adds all files of a folder; false when `path` is none.
static bool add_folder(const model_files *m, const char *path)
{
    vb_read_files *files = m->files;
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    vb_string prefix = {0};
    if (vb_string_appendf(&prefix, "%s/", path))
        for (const struct dirent *entry; (entry = readdir(folder)) != NULL;)
            if (!m->calibrates || strcmp(entry->d_name, calibration_name) != 0)
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
    const model_files *m = list;
    vb_read_files *files = m->files;
    for (const char *const *file = info->files; *file; file++)
        vb_read_files_add(files, *file, of_model);
    if (add_folder(m, info->path))
        return 0;
    const char *slash = strrchr(info->path, '/');
    vb_read_files_add(files, info->path, of_model);
    const size_t size = slash ? (size_t)(slash - info->path) + 1 : 0;
    add_named(files, info->path, size, "vocab.txt");
    if (!m->calibrates)
        add_named(files, info->path, size, calibration_name);
    return 0;
}

// A model that cannot be read is left to its loading to refuse.
static void list_model(vb_read_files *out, const cli_sources *s, const char *path)
{
    model_files m = {out, s->args->command == CLI_CALIBRATE};
    vblip_model_options options = s->model;
    vb_string folder = {0};
    options.path = path;
    options.tasks = 0;
    (void)!vblip_model_inspect(&options, add_model, &m, NULL);
    if (!m.calibrates && vb_string_appendf(&folder, "%s/", path)) // of a model set
        add_named(out, folder.bytes, folder.size, calibration_name);
    vb_string_free(&folder);
}

enum { OPTION_LABEL = 32 };

// "--name" or "-l", written to `out` and returned.
static const char *option_label(char out[OPTION_LABEL], const cli_option *o)
{
    if (o->name)
        snprintf(out, OPTION_LABEL, "--%s", o->name);
    else
        snprintf(out, OPTION_LABEL, "-%c", o->letter);
    return out;
}

static void list_option(vb_read_files *out, const cli_sources *s, const cli_option *o)
{
    const char *file = cli_option_file_read(o, s->args);
    const char *model =
        o->file == CLI_FILE_MODEL ? cli_option_string(o, s->args) : NULL;
    if (file) {
        char label[OPTION_LABEL], role[VB_READ_ROLE];
        snprintf(role, sizeof role, "read as %s", option_label(label, o));
        vb_read_files_add(out, file, role);
    }
    if (model)
        list_model(out, s, model);
}

// All that lies in FOLDER/NAME, which need not be there: files of libraries.
static void list_library_folder(vb_read_files *out, const char *folder,
                                const char *name)
{
    vb_string path = {0};
    vb_string_appendf(&path, "%s%s", folder, name);
    const size_t size = path.size;
    DIR *directory = path.failed ? NULL : opendir(path.bytes);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        path.size = size;
        if (entry->d_name[0] != '.' && vb_string_appendf(&path, "/%s", entry->d_name))
            vb_read_files_add(out, path.bytes, "a file of a library");
    }
    out->failed = out->failed || path.failed;
    if (directory)
        closedir(directory);
    vb_string_free(&path);
}

static void list_libraries(vb_read_files *out, const cli_sources *s)
{
    const char *index = s->args->index;
    if (s->data_dir) {
        list_library_folder(out, s->data_dir, "");
        list_library_folder(out, s->data_dir, "/tokens");
    }
    if (index) {
        vb_read_files_add(out, index, "the index");
        list_library_folder(out, index, ".tokens");
    }
}

// Pictures that hits are to be like, or unlike.
static void list_examples(vb_read_files *out, const cli_words *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        vb_arena arena = {0};
        vblip_example example;
        vblip_error ignored = {0};
        if (cli_example_read(&example, &arena, words->items[i], 1, &ignored) ==
            VBLIP_OK)
            vb_read_files_add(out, example.path, "an example");
        vb_arena_free(&arena);
    }
}

// What SQLite keeps beside an index.
static void list_beside_index(vb_read_files *out, const cli_sources *s,
                              const char *path)
{
    static const char *const endings[] = {"-wal", "-shm", "-journal"};
    const bool index = s->args->command == CLI_EXPORT || s->args->command == CLI_MERGE;
    for (size_t i = 0; index && i < sizeof endings / sizeof *endings; i++) {
        vb_string name = {0};
        if (vb_string_appendf(&name, "%s%s", path, endings[i]))
            vb_read_files_add(out, name.bytes, "a file of the index");
        out->failed = out->failed || name.failed;
        vb_string_free(&name);
    }
}

vblip_status cli_sources_list(vb_read_files *out, const cli_sources *s,
                              vblip_error *err)
{
    const cli_words *paths = &s->args->paths;
    const uint32_t inputs = s->inputs ? vblip_inputs_count(s->inputs) : 0;
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        list_option(out, s, o);
    list_examples(out, &s->args->like);
    list_examples(out, &s->args->unlike);
    list_libraries(out, s);
    for (uint32_t i = 0; i < paths->count; i++) {
        vb_read_files_add(out, paths->items[i], "an input");
        list_beside_index(out, s, paths->items[i]);
    }
    for (uint32_t i = 0; i < inputs; i++)
        vb_read_files_add(out, vblip_inputs_at(s->inputs, i)->path, "an input");
    if (vblip_bundled_vocab())
        vb_read_files_add(out, vblip_bundled_vocab(), "the bundled vocabulary");
    if (s->model.path)
        list_model(out, s, s->model.path);
    return out->failed ? vb_fail_memory(err, "inputs") : VBLIP_OK;
}

// 0, or the errno of reading `path`. A pipe is not touched: it can be read but once.
static int try_to_read(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return errno;
    if (S_ISDIR(info.st_mode))
        return EISDIR;
    return access(path, R_OK) == 0 ? 0 : errno;
}

static vblip_status check_examples_readable(const cli_words *words, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < words->count && status == VBLIP_OK; i++) {
        vb_arena arena = {0};
        vblip_example example;
        status = cli_example_read(&example, &arena, words->items[i], 1, err);
        const int error = status == VBLIP_OK ? try_to_read(example.path) : 0;
        if (error)
            status = vb_fail_errno(err, example.path, error);
        vb_arena_free(&arena);
    }
    return status;
}

vblip_status cli_options_check_readable(const cli_args *args, vblip_error *err)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        const char *path = cli_option_file_read(o, args);
        const bool skip = !path || (o->file == CLI_FILE_LIST && strcmp(path, "-") == 0);
        const int error = skip ? 0 : try_to_read(path);
        if (error)
            return vb_fail_errno(err, path, error);
    }
    VB_TRY(check_examples_readable(&args->like, err));
    return check_examples_readable(&args->unlike, err);
}

// --------------------------------------------------------------------- what is written

static void list_targets(vb_targets *out, const cli_args *args)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        const bool written =
            o->file == CLI_FILE_WRITTEN && o->commands & 1u << args->command;
        const char *path = written ? cli_option_string(o, args) : NULL;
        char label[OPTION_LABEL];
        if (path)
            vb_targets_add(out, option_label(label, o), path);
    }
    vb_string journal = {0};
    if (args->command == CLI_FILTER &&
        vb_string_appendf(&journal, "%s.partial", args->output))
        vb_targets_add(out, NULL, journal.bytes);
    out->failed = out->failed || journal.failed;
    vb_string_free(&journal);
}

// The folder in which a data set's videos and images are looked for, in `out`.
static void write_media_folder(vb_string *out, const cli_args *args)
{
    const char *file = args->paths.count ? args->paths.items[0] : args->annotations;
    const char *slash = file ? strrchr(file, '/') : NULL;
    if (args->media)
        vb_string_puts(out, args->media);
    else if (slash)
        vb_string_append(out, file, (size_t)(slash - file) + 1);
    else
        vb_string_puts(out, ".");
}

// ----------------------------------------------------------------------------- the rule

static vblip_status check_against_sources(const vb_targets *list, const cli_sources *s,
                                          vblip_error *err)
{
    vb_read_files files = {0};
    vb_string folder = {0};
    if (s->annotated)
        write_media_folder(&folder, s->args);
    vblip_status status = folder.failed ? vb_fail_memory(err, "output")
                                        : cli_sources_list(&files, s, err);
    if (status == VBLIP_OK)
        status = vb_targets_check(list, &files, folder.bytes, err);
    vb_read_files_free(&files);
    vb_string_free(&folder);
    return status;
}

vblip_status cli_outputs_check(const cli_sources *sources, vblip_error *err)
{
    vb_targets list = {0};
    list_targets(&list, sources->args);
    vblip_status status = list.failed ? vb_fail_memory(err, "output")
                                      : vb_targets_check_apart(&list, err);
    if (status == VBLIP_OK && vb_targets_replace(&list)) // else nothing can be lost
        status = check_against_sources(&list, sources, err);
    vb_targets_free(&list);
    return status;
}
