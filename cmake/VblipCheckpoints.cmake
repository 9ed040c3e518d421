# vblip_checkpoint(NAME ARGS...)
#
# Makes ${PROJECT_BINARY_DIR}/checkpoints/NAME, a Hugging Face folder of seeded weights with
# bert-base-uncased's vocabulary, or one file of weights where ARGS say so, by tests/golden/tools/make_checkpoint.py ARGS..., when
# target `checkpoints` (part of `all`) is built and whenever the tool changes. Tests find
# the folders under the macro VB_CHECKPOINTS.

# Debian's own python3 first: it is the one that sees the package python3-numpy.
find_program(VBLIP_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(VBLIP_PYTHON python3 REQUIRED)

add_custom_target(checkpoints ALL)

function(vblip_checkpoint name)
    if(NOT VBLIP_TEST_DATA)
        return()
    endif()
    set(golden ${PROJECT_SOURCE_DIR}/tests/golden)
    set(folder ${PROJECT_BINARY_DIR}/checkpoints/${name})
    set(stamp ${PROJECT_BINARY_DIR}/checkpoints/${name}.stamp)
    add_custom_command(
        OUTPUT ${stamp}
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${folder}
        COMMAND ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1
                ${VBLIP_PYTHON} ${golden}/tools/make_checkpoint.py ${ARGN}
                --vocab ${golden}/text/vocab.txt --out ${folder}
        COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
        DEPENDS ${golden}/tools/make_checkpoint.py ${golden}/tools/seeded.py
                ${golden}/tools/torch_archive.py
                ${golden}/text/vocab.txt
        COMMENT "Seeded checkpoint ${name}"
        VERBATIM)
    add_custom_target(checkpoint_${name} DEPENDS ${stamp})
    add_dependencies(checkpoints checkpoint_${name})
endfunction()
