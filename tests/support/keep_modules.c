// keep_modules.c - linked into every program under the sanitizers: drivers and layers
// stay loaded, so that the leak report can say whose a leak is, and tests/lsan.supp can
// leave out theirs and theirs alone.
__attribute__((visibility("default"))) int dlclose(void *handle);

int dlclose(void *handle)
{
    (void)handle;
    return 0;
}
