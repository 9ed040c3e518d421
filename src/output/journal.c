#include "output/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[] = "#vblip-filter 1 ";

// ---------------------------------------------------------------------------- reading

static void journal_count(vb_journal *j, uint64_t pair, char web, char synthetic)
{
    j->last = pair;
    j->pairs++;
    j->failed += web == '!';
    j->web_kept += web == 'k';
    j->synthetic_kept += synthetic == 'k';
}

// "#NUMBER WEB SYNTHETIC", without its newline.
static bool journal_read_end(vb_journal *j, const char *line, size_t size)
{
    uint64_t pair = 0;
    size_t i = 1;
    for (; i < size && line[i] >= '0' && line[i] <= '9' && pair < UINT64_MAX / 16; i++)
        pair = pair * 10 + (uint64_t)(line[i] - '0');
    if (size - i != 4 || line[i] != ' ' || line[i + 2] != ' ' || pair <= j->last)
        return false;
    const char web = line[i + 1], synthetic = line[i + 3];
    const bool failed = web == '!' && synthetic == '!';
    const bool judged =
        (web == 'k' || web == 'd') && (synthetic == 'k' || synthetic == 'd');
    if (failed || judged)
        journal_count(j, pair, web, synthetic);
    return failed || judged;
}

// Reads the lines after the first; `end` is where the last finished pair ends.
static vblip_status read_pairs(vb_journal *j, long *end, vblip_error *err)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got;
    vblip_status status = VBLIP_OK;
    for (uint64_t number = 2; (got = getline(&line, &capacity, j->stream)) > 0;
         number++) {
        const size_t size = (size_t)got;
        if (line[size - 1] != '\n')
            break; // it was being written
        if (line[0] == '#' && journal_read_end(j, line, size - 1))
            *end = ftell(j->stream);
        else if (line[0] != '{') {
            status = vb_fail(err, VBLIP_ERR_ARGUMENT,
                             "%.400s: line %" PRIu64 ": not of vblip filter; "
                             "remove the file to begin anew",
                             j->path, number);
            break;
        }
    }
    free(line);
    return status;
}

// The first line: 1 = as it should be, 0 = none yet, or a part of it, -1 = another.
static int journal_read_head(vb_journal *j, const char *stamp)
{
    vb_string head = {0};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got = getline(&line, &capacity, j->stream);
    vb_string_appendf(&head, "%s%s\n", magic, stamp);
    const size_t size = got > 0 ? (size_t)got : 0;
    int verdict = -1;
    if (!head.failed && size <= head.size &&
        (!size || memcmp(line, head.bytes, size) == 0))
        verdict = size == head.size;
    free(line);
    vb_string_free(&head);
    return verdict;
}

static vblip_status journal_begin(vb_journal *j, const char *stamp, vblip_error *err)
{
    if (fseek(j->stream, 0, SEEK_SET) != 0 || ftruncate(fileno(j->stream), 0) != 0 ||
        fprintf(j->stream, "%s%s\n", magic, stamp) < 0 || fflush(j->stream) != 0)
        return vb_fail_errno(err, j->path, errno);
    return VBLIP_OK;
}

static vblip_status journal_read_all(vb_journal *j, const char *stamp, vblip_error *err)
{
    const int head = journal_read_head(j, stamp);
    if (head < 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%.300s: of a run with other pairs, models or options; "
                       "repeat them, or remove it to begin anew",
                       j->path);
    if (head == 0)
        return journal_begin(j, stamp, err);
    long end = ftell(j->stream);
    vblip_status status = read_pairs(j, &end, err);
    if (status != VBLIP_OK)
        return status;
    if (ferror(j->stream) || end < 0 || fseek(j->stream, end, SEEK_SET) != 0 ||
        ftruncate(fileno(j->stream), end) != 0)
        return vb_fail_errno(err, j->path, errno);
    return VBLIP_OK;
}

// ---------------------------------------------------------------------------- opening

// Locks the whole file for this process, until it closes it or ends, however it ends. A
// file system without locks is none: then the file is not locked.
static vblip_status lock_journal(int fd, const char *path, vblip_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == 0 || (errno != EACCES && errno != EAGAIN))
        return VBLIP_OK;
    struct flock holder = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_GETLK, &holder) == 0 && holder.l_type != F_UNLCK)
        return vb_fail(err, VBLIP_ERR_IO, "%.400s: in use by another run, process %ld",
                       path, (long)holder.l_pid);
    return vb_fail(err, VBLIP_ERR_IO, "%.400s: in use by another run", path);
}

// Has the name still the file that is open?
static bool journal_is_at(const char *path, int fd)
{
    struct stat named, opened;
    return stat(path, &named) == 0 && fstat(fd, &opened) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

// Opens `path`, locked. A run that ended between the opening and the locking has removed
// its file: then there is another one to open.
static vblip_status open_locked(int *fd, const char *path, vblip_error *err)
{
    for (;;) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (*fd < 0)
            return vb_fail_errno(err, path, errno);
        vblip_status status = lock_journal(*fd, path, err);
        if (status == VBLIP_OK && journal_is_at(path, *fd))
            return VBLIP_OK;
        close(*fd);
        if (status != VBLIP_OK)
            return status;
    }
}

static vblip_status journal_open_stream(vb_journal *journal, vblip_error *err)
{
    int fd;
    VB_TRY(open_locked(&fd, journal->path, err));
    journal->stream = fdopen(fd, "r+b");
    if (journal->stream)
        return VBLIP_OK;
    const int error = errno;
    close(fd);
    return vb_fail_errno(err, journal->path, error);
}

vblip_status vb_journal_open(vb_journal *journal, const char *output, const char *stamp,
                             vblip_error *err)
{
    vb_string path = {0};
    *journal = (vb_journal){0};
    vb_string_appendf(&path, "%s.partial", output);
    if (path.failed) {
        vb_string_free(&path);
        return vb_fail_memory(err, output);
    }
    journal->path = path.bytes;
    vblip_status status = journal_open_stream(journal, err);
    if (status == VBLIP_OK)
        status = journal_read_all(journal, stamp, err);
    if (status != VBLIP_OK)
        vb_journal_close(journal);
    return status;
}

// ---------------------------------------------------------------------------- writing

bool vb_journal_add(vb_journal *journal, uint64_t pair, const vb_string *rows,
                    bool failed, bool web_kept, bool synthetic_kept)
{
    const char web = failed ? '!' : web_kept ? 'k' : 'd';
    const char synthetic = failed ? '!' : synthetic_kept ? 'k' : 'd';
    errno = 0;
    if (rows->failed ||
        (rows->size &&
         fwrite(rows->bytes, 1, rows->size, journal->stream) != rows->size) ||
        fprintf(journal->stream, "#%" PRIu64 " %c %c\n", pair, web, synthetic) < 0 ||
        fflush(journal->stream) != 0)
        return false;
    journal_count(journal, pair, web, synthetic);
    return true;
}

// Copies the rows, not the lines between them.
static bool copy_rows(vb_journal *j, vb_outfile *out)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got;
    bool ok = fseek(j->stream, 0, SEEK_SET) == 0;
    while (ok && (got = getline(&line, &capacity, j->stream)) > 0)
        ok = line[0] == '#' || vb_outfile_write(out, line, (size_t)got);
    ok = ok && !ferror(j->stream);
    free(line);
    return ok;
}

vblip_status vb_journal_finish(vb_journal *journal, const char *output,
                               vblip_error *err)
{
    vb_outfile out;
    VB_TRY(vb_outfile_open(&out, output, err));
    errno = 0;
    if (!copy_rows(journal, &out)) {
        const int error = out.error ? out.error : errno;
        vb_outfile_discard(&out);
        return vb_fail_errno(err, out.error ? output : journal->path, error);
    }
    VB_TRY(vb_outfile_finish(&out, err));
    vb_journal_discard(journal);
    return VBLIP_OK;
}

void vb_journal_discard(vb_journal *journal)
{
    if (journal->path)
        unlink(journal->path);
    vb_journal_close(journal);
}

void vb_journal_close(vb_journal *journal)
{
    if (journal->stream)
        fclose(journal->stream);
    free(journal->path);
    *journal = (vb_journal){0};
}
