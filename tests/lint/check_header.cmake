cmake_minimum_required(VERSION 3.25)
# check_header.cmake - vblip.h compiles alone, and twice, as C99 and as C++17, and brings
# in nothing but stdbool and stdint.
# Run by ctest: cmake -DROOT=<repo> -DDIR=<scratch> -P check_header.cmake
find_program(CC NAMES gcc clang cc REQUIRED)
find_program(CXX NAMES g++ clang++ c++ REQUIRED)

set(once "#include \"vblip.h\"\n")
set(use [[
void use(vblip_engine **engine);
void use(vblip_engine **engine)
{
    vblip_engine_close(engine);
}
]])
file(WRITE ${DIR}/header_once.c "${once}${use}")
file(WRITE ${DIR}/header_twice.c "${once}\n${once}${use}")

set(warnings -Wall -Wextra -Wpedantic -Wundef -Wstrict-prototypes -Wshadow -Werror)
set(c99 ${CC} -x c -std=c99 ${warnings})
list(REMOVE_ITEM warnings -Wstrict-prototypes)
set(c++17 ${CXX} -x c++ -std=c++17 ${warnings})

foreach(language c99 c++17)
    foreach(file header_once header_twice)
        execute_process(
            COMMAND ${${language}} -fsyntax-only -I${ROOT}/include ${DIR}/${file}.c
            RESULT_VARIABLE result ERROR_VARIABLE errors)
        if(result)
            message(FATAL_ERROR "vblip.h, ${file}, ${language}:\n${errors}")
        endif()
    endforeach()
endforeach()

file(STRINGS ${ROOT}/include/vblip.h includes REGEX "^[ ]*#[ ]*include")
foreach(line ${includes})
    if(NOT line MATCHES "<std(bool|int)\\.h>$")
        message(FATAL_ERROR "vblip.h: ${line}: only stdbool and stdint")
    endif()
endforeach()
