"""The package and the headers agree: nothing in it is copied from them."""

import inspect
import os
import re
import subprocess
import sys
from typing import Any, Callable

from support import SOURCE, Case, run_tests

import vblip
from vblip import _errors, _library, _native, _tasks, rows
from vblip._native import ffi, lib

sys.path.insert(0, os.path.join(SOURCE, "python"))
import declarations  # noqa: E402

INCLUDE = os.path.join(SOURCE, "include")

# struct: functions whose parameters are its fields, {field: parameter}, fields that Python has no use for.
OPTIONS: dict[str, tuple[list[Callable[..., Any]], dict[str, str], set[str]]] = {
    "vblip_engine_options": ([vblip.Model.__init__], {},
                             {"validate", "profile", "log", "log_user", "stopped", "stopped_user"}),
    "vblip_model_options": ([vblip.Model.__init__], {}, {"hub_dir", "default_vocab"}),
    "vblip_job": ([vblip.Model.ask], {}, {"user", "warned", "member"}),
    "vblip_inputs_options": ([vblip.Library.__init__, vblip.files], {"shards": "shard"}, set()),
    "vblip_retrieve_options": ([vblip.Library.retrieve], {}, {"job"}),
    "vblip_match_options": ([vblip.Model.match], {}, {"job"}),
    "vblip_ask_options": ([vblip.Model.ask], {}, {"job", "answer_count", "answers_each"}),
    "vblip_caption_options": ([vblip.Model.caption], {"every_us": "every"}, {"job"}),
    "vblip_clip_options": ([vblip.Model.clip], {"start_us": "start", "end_us": "end"}, set()),
    "vblip_library_options": ([vblip.Library.__init__], {}, set()),
    "vblip_search_options": ([vblip.Library.retrieve],
                             {"examples": "like", "within_us": "within", "since_ns": "since", "until_ns": "until"},
                             {"retrieve", "example_count"}),
    "vblip_watch_options": ([vblip.Model.watch], {"window_us": "window"}, {"job", "began"}),
    "vblip_cut_options": ([vblip.cut], {"pad_us": "pad"}, {"stopped", "stopped_user"}),
    "vblip_sheet_options": ([vblip.contact_sheet], {}, {"stopped", "stopped_user", "failed", "user"}),
}

# struct: the row made of it, {field: row's}, fields that the row has no use for.
ROWS: dict[str, tuple[Any, dict[str, str], set[str]]] = {
    "vblip_caption": (rows.Caption, {"text": "caption", "start_us": "start", "end_us": "end"},
                      {"input", "timed", "lead_us"}),
    "vblip_answer": (rows.Answer, {"text": "answer", "start_us": "start", "end_us": "end"},
                     {"input", "timed", "ranked_count"}),
    "vblip_ranked_answer": (rows.RankedAnswer, {}, set()),
    "vblip_match_row": (rows.Match, {}, {"input"}),
    "vblip_hit": (rows.Hit, {"start_us": "start", "end_us": "end", "then_start_us": "then_start",
                             "then_end_us": "then_end", "itm_logits": "itm_logit"}, {"input", "timed", "reranked"}),
    "vblip_event": (rows.Event, {"start_us": "start", "end_us": "end"}, {"picture_size"}),
    "vblip_features": (rows.Features, {}, {"input", "rows", "cols"}),
    "vblip_failure": (rows.Failure, {}, {"input"}),
    "vblip_progress": (rows.Progress, {}, set()),
    "vblip_index_changes": (rows.Changes, {}, set()),
    "vblip_index_info": (rows.IndexInfo, {}, set()),
    "vblip_index_recording": (rows.Recording, {}, set()),
    "vblip_index_segment": (rows.Segment, {"start_us": "start", "end_us": "end"},
                            {"number", "total", "timed", "vector", "dims"}),  # of these Segments has the vectors
    "vblip_clipping": (rows.Clipping, {"at_us": "at", "start_us": "start", "end_us": "end"}, set()),
    "vblip_media": (rows.Media, {"duration_us": "duration", "lead_us": "lead", "rate_num": "fps", "rate_den": "fps"},
                    {"zero_us"}),
    "vblip_counts": (rows.Counts, {}, set()),
}


def fields_of(struct: str) -> set[str]:
    return {name for name, _ in ffi.typeof(struct).fields}


def is_complete(name: str) -> bool:
    try:
        return bool(ffi.sizeof(name))
    except ffi.error:
        return False


def structs() -> list[str]:
    names: list[str] = ffi.list_types()[0]
    return [name for name in names if ffi.typeof(name).kind == "struct" and is_complete(name)]


class Headers(Case):
    def test_the_module_is_that_of_the_headers(self) -> None:
        fresh = self.path("_header.py")
        declarations.write_module(fresh, INCLUDE)
        packaged = sys.modules["vblip._header"].__file__
        assert packaged
        with open(fresh, encoding="utf-8") as wanted, open(packaged, encoding="utf-8") as had:
            self.assertEqual(had.read(), wanted.read(), "the package was built of other headers")

    def test_every_header_is_read(self) -> None:
        headers = [name for name in os.listdir(INCLUDE) if name.endswith(".h")]
        self.assertEqual(sorted(headers), sorted(declarations.HEADERS))

    def test_every_function_of_the_headers_is_declared_and_exported(self) -> None:
        text = ""
        for name in declarations.HEADERS:
            with open(os.path.join(INCLUDE, name), encoding="utf-8") as file:
                text += re.sub(r"//[^\n]*", "", file.read())
        names = set(re.findall(r"VBLIP_(?:API|CHECKED)\b[^;(]*?\b(vblip_\w+)\(", text))
        self.assertGreater(len(names), 60)
        for name in names:
            self.assertTrue(callable(getattr(lib, name)), name)

    def test_a_changed_header_gives_another_module(self) -> None:
        with open(os.path.join(INCLUDE, "vblip.h"), encoding="utf-8") as file:
            text = file.read()
        for old, new in (("uint32_t top; ", "uint64_t top; "), ("VBLIP_ERR_IO = -2", "VBLIP_ERR_IO = -9"),
                         ("vblip_clip_close(vblip_clip **clip)", "vblip_clip_close(vblip_clip **clip, int now)")):
            self.assertIn(old, text)
            self.assertNotEqual(declarations.declarations(text), declarations.declarations(text.replace(old, new)))

    def test_structs_are_laid_out_as_the_compiler_does(self) -> None:
        lines = []
        expected = []
        for struct in structs():
            lines.append('printf("%s %%zu\\n", sizeof(%s));' % (struct, struct))
            expected.append("%s %d" % (struct, ffi.sizeof(struct)))
            for name, field in ffi.typeof(struct).fields:
                lines.append('printf("%s.%s %%zu\\n", offsetof(%s, %s));' % (struct, name, struct, name))
                expected.append("%s.%s %d" % (struct, name, field.offset))
        self.assertGreater(len(lines), 300)
        source = self.path("layout.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <stddef.h>\n#include <stdio.h>\n%s\nint main(void)\n{\n%s\nreturn 0;\n}\n" % (
                "\n".join('#include "%s"' % name for name in declarations.HEADERS), "\n".join(lines)))
        program = self.path("layout")
        subprocess.run([os.environ.get("CC", "cc"), "-I", INCLUDE, source, "-o", program], check=True)
        told = subprocess.run([program], stdout=subprocess.PIPE, encoding="ascii", check=True).stdout.splitlines()
        self.assertEqual(told, expected)

    def test_every_option_has_a_parameter(self) -> None:
        for struct, (functions, renamed, left_out) in OPTIONS.items():
            wanted = {renamed.get(field, field) for field in fields_of(struct) - left_out - {"size"}}
            for function in functions:
                self.assertEqual(wanted - set(inspect.signature(function).parameters), set(),
                                 "%s: fields without a parameter of %s" % (struct, function.__qualname__))
            self.assertEqual(left_out - fields_of(struct), set(), struct)

    def test_every_field_of_a_row_is_told(self) -> None:
        for struct, (row, renamed, left_out) in ROWS.items():
            wanted = {renamed.get(field, field) for field in fields_of(struct) - left_out}
            self.assertEqual(wanted - set(row._fields), set(), "%s: fields that no row tells" % struct)
            self.assertEqual(left_out - fields_of(struct), set(), struct)

    def test_every_status_has_an_exception(self) -> None:
        names = set(ffi.typeof("vblip_status").elements.values()) - {"VBLIP_OK"}
        self.assertEqual(set(_errors.BY_STATUS), names)
        self.assertEqual(len(set(_errors.BY_STATUS.values())), len(names))

    def test_enums_are_told_by_name(self) -> None:
        features = ffi.typeof("vblip_feature").elements
        self.assertEqual({"VBLIP_FEATURE_" + name.upper().replace("-", "_"): number
                          for number, name in enumerate(_tasks.FEATURES)}, {v: k for k, v in features.items()})
        tasks = ffi.typeof("enum vblip_task").elements
        self.assertEqual({"VBLIP_TASK_" + name.upper(): bit for name, bit in _tasks.TASKS.items()},
                         {v: k for k, v in tasks.items()})
        compat = ffi.typeof("vblip_compat").elements
        self.assertEqual({"VBLIP_COMPAT_" + name.upper(): n for name, n in _tasks.COMPAT.items()},
                         {v: k for k, v in compat.items()})

    def test_numbers_of_macros(self) -> None:
        self.assertEqual(lib.VBLIP_RERANK_AUTO, _library.RERANK_AUTO)

    def test_version_and_soname_are_those_of_the_library(self) -> None:
        self.assertEqual(vblip.__version__, vblip.library_version)
        library = os.environ["VBLIP_LIBRARY"]
        self.assertTrue(os.path.exists(os.path.join(os.path.dirname(library), _native.SONAME)))
        with open(library, "rb") as file:
            self.assertIn(_native.SONAME.encode() + b"\0", file.read())


class Finding(Case):
    """Which library is opened."""

    def imported(self, **changes: str) -> "subprocess.CompletedProcess[str]":
        env = {**os.environ, **changes}
        return subprocess.run([sys.executable, "-c", "import vblip; print(vblip.library_version)"], env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)

    def refused(self, *words: str, **changes: str) -> None:
        done = self.imported(**changes)
        self.assertEqual(done.returncode, 1)
        last = done.stderr.splitlines()[-1]
        for word in ("ImportError: ", *words):
            self.assertIn(word, last)

    def test_what_is_named_is_taken_or_nothing_is(self) -> None:
        self.refused("VBLIP_LIBRARY: /nowhere/libvblip.so: ", VBLIP_LIBRARY="/nowhere/libvblip.so")

    def test_a_library_that_is_nowhere_is_told_how_to_be_found(self) -> None:
        self.refused("libvblip.so.0: ", "; install the C library and run ldconfig, or set VBLIP_LIBRARY",
                     VBLIP_LIBRARY="", PATH=self.folder)

    def test_the_loader_is_asked(self) -> None:
        folder = os.path.dirname(os.environ["VBLIP_LIBRARY"])
        self.assertEqual(self.imported(VBLIP_LIBRARY="", LD_LIBRARY_PATH=folder).stdout, vblip.__version__ + "\n")

    def test_the_library_beside_the_program_is_found(self) -> None:
        for folder in ("bin", "lib"):
            os.mkdir(self.path(folder))
        program = self.path("bin", "vblip")
        with open(program, "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n")
        os.chmod(program, 0o755)
        library = os.path.realpath(os.environ["VBLIP_LIBRARY"])
        os.symlink(library, self.path("lib", _native.SONAME))
        changes = {"VBLIP_LIBRARY": "", "PATH": self.path("bin") + ":" + os.environ["PATH"]}
        self.assertEqual(self.imported(**changes).stdout, vblip.__version__ + "\n")

    def test_a_library_that_is_older_than_the_package_is_refused(self) -> None:
        source = self.path("old.c")
        with open(source, "w", encoding="ascii") as file:
            file.write('const char *vblip_version(void);\nconst char *vblip_version(void)\n{\nreturn "0.0.9";\n}\n')
        library = self.path("old.so")
        subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", source, "-o", library], check=True)
        self.refused("version 0.0.9, this package needs " + vblip.__version__, VBLIP_LIBRARY=library)

    def test_headers_that_are_nowhere_are_named(self) -> None:
        done = subprocess.run([sys.executable, os.path.join(SOURCE, "python", "declarations.py"), self.path("out.py")],
                              env={**os.environ, "VBLIP_INCLUDE": "/nowhere"}, stderr=subprocess.PIPE, check=False,
                              encoding="utf-8")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^vblip: vblip\.h: not found in /nowhere; .*\n$")


if __name__ == "__main__":
    run_tests()
