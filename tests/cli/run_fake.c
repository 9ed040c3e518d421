#include "cli/run_fake.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MOST_WORDS = 40 };

static char folder[] = "vblip-program-XXXXXX"; // every test runs in it

size_t read_file(char *text, size_t size, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t got = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    text[got] = '\0';
    return got;
}

void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void put_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

void expect_file(const char *path, const char *expected)
{
    char text[MOST_OUTPUT];
    assert_int_equal(access(path, F_OK), 0);
    read_file(text, sizeof text, path);
    assert_string_equal(text, expected);
}

static void redirect(int fd, const char *path, int flags)
{
    int file = open(path, flags, 0666);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(99);
    close(file);
}

void run_with(result *r, const char *line, const char *input, const char *output,
              const char *model)
{
    char copy[1024], variable[64];
    char program[] = VBLIP_FAKE, home[] = "HOME=/nonexistent";
    char *argv[MOST_WORDS + 1] = {program};
    char *environment[] = {variable, home, NULL};
    int argc = 1;
    assert_true(strlen(line) < sizeof copy);
    strcpy(copy, line);
    for (char *at = copy; *line && at && argc < MOST_WORDS;) {
        argv[argc++] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = '\0';
    }
    snprintf(variable, sizeof variable, "VBLIP_MODEL=%s", model);

    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        redirect(STDIN_FILENO, input ? input : "/dev/null", O_RDONLY);
        redirect(STDOUT_FILENO, output ? output : "out", O_WRONLY | O_CREAT | O_TRUNC);
        redirect(STDERR_FILENO, "err", O_WRONLY | O_CREAT | O_TRUNC);
        execve(program, argv, environment);
        _exit(98);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    r->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    read_file(r->out, sizeof r->out, output ? "/dev/null" : "out");
    read_file(r->err, sizeof r->err, "err");
}

void run(result *r, const char *line)
{
    run_with(r, line, NULL, NULL, "fake");
}

bool is_as_expected(const char *text, const char *expected)
{
    size_t size = strlen(expected);
    if (size && expected[size - 1] == '*')
        return strncmp(text, expected, size - 1) == 0;
    return strcmp(text, expected) == 0;
}

void check_rows(const fake_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        result r;
        run(&r, rows[i].line);
        if (r.code != rows[i].code || !is_as_expected(r.out, rows[i].out) ||
            !is_as_expected(r.err, rows[i].err))
            fail_msg("%s: exit %d\n-- out\n%s-- err\n%s", rows[i].line, r.code, r.out,
                     r.err);
    }
}

int enter_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int leave_folder(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("..") == 0 && system(command) == 0 ? 0 : -1;
}
