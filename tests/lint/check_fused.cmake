cmake_minimum_required(VERSION 3.25)
# check_fused.cmake - kernels for processors that have fused multiply-adds use them: a flag that forbids them may come
# from elsewhere, and nothing but time tells.
# Run by ctest: cmake -DOBJECTS=<.o>;... -P check_fused.cmake
find_program(OBJDUMP NAMES objdump llvm-objdump REQUIRED)
foreach(object ${OBJECTS})
    execute_process(COMMAND ${OBJDUMP} -d ${object}
        RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
    if(result)
        message(FATAL_ERROR "${object}: ${errors}")
    endif()
    if(NOT output MATCHES "vfn?madd")
        message(SEND_ERROR "${object}: no fused multiply-add")
    endif()
endforeach()
