cmake_minimum_required(VERSION 3.25)
# check_format.cmake - every .c and .h is as clang-format leaves it (./dev fmt).
# Run by ctest: cmake -DROOT=<repo> -P check_format.cmake
find_program(CLANG_FORMAT NAMES clang-format-14 clang-format REQUIRED)

# Versions lay code out differently: one of them is the judge.
execute_process(COMMAND ${CLANG_FORMAT} --version OUTPUT_VARIABLE version)
if(NOT version MATCHES "version 14\\.")
    message("not judged: the sources are formatted by clang-format 14, here is ${version}")
    return()
endif()

set(files "")
foreach(folder include src shaders examples bench tests)
    file(GLOB_RECURSE found ${ROOT}/${folder}/*.c ${ROOT}/${folder}/*.h)
    list(APPEND files ${found})
endforeach()
list(LENGTH files count)
if(count LESS 20)
    message(FATAL_ERROR "only ${count} files found under ${ROOT}")
endif()
execute_process(
    COMMAND ${CLANG_FORMAT} --dry-run --Werror --ferror-limit=1 ${files}
    RESULT_VARIABLE result ERROR_VARIABLE errors)
if(result)
    message(FATAL_ERROR "not formatted:\n${errors}")
endif()
