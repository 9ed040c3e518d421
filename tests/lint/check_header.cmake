cmake_minimum_required(VERSION 3.25)
# check_header.cmake - each public header compiles alone, and twice, as C99 and as C++17;
# they bring in nothing but stdbool, stdint and each other.
# Run by ctest: cmake -DROOT=<repo> -DDIR=<scratch> -P check_header.cmake
find_program(CC NAMES gcc clang cc REQUIRED)
find_program(CXX NAMES g++ clang++ c++ REQUIRED)

set(use [[
void use(vblip_engine **engine);
void use(vblip_engine **engine)
{
    vblip_engine_close(engine);
}
]])
set(warnings -Wall -Wextra -Wpedantic -Wundef -Wstrict-prototypes -Wshadow -Werror)
set(c99 ${CC} -x c -std=c99 ${warnings})
list(REMOVE_ITEM warnings -Wstrict-prototypes)
set(c++17 ${CXX} -x c++ -std=c++17 ${warnings})

foreach(header vblip vblip_lab vblip_library vblip_export vblip_watch)
    set(once "#include \"${header}.h\"\n")
    file(WRITE ${DIR}/header_once.c "${once}${use}")
    file(WRITE ${DIR}/header_twice.c "${once}\n${once}${use}")
    foreach(language c99 c++17)
        foreach(file header_once header_twice)
            execute_process(
                COMMAND ${${language}} -fsyntax-only -I${ROOT}/include ${DIR}/${file}.c
                RESULT_VARIABLE result ERROR_VARIABLE errors)
            if(result)
                message(FATAL_ERROR "${header}.h, ${file}, ${language}:\n${errors}")
            endif()
        endforeach()
    endforeach()
    file(STRINGS ${ROOT}/include/${header}.h includes REGEX "^[ ]*#[ ]*include")
    foreach(line ${includes})
        if(NOT line MATCHES "<std(bool|int)\\.h>$|\"vblip\\.h\"$")
            message(FATAL_ERROR "${header}.h: ${line}: only stdbool, stdint and vblip.h")
        endif()
    endforeach()
endforeach()
