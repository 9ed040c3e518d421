# vblip_add_shader(TARGET FILE [VARIANT NAME] [DEFINES A=1 ...])
#
# Compiles shaders/FILE.comp to a C array `vb_spv_FILE[_NAME]` that TARGET can include as
# "spv/FILE[_NAME].h". The dependency file makes an edit to any #included header rebuild
# the right shaders and no others. spirv-val must accept the result.
find_program(GLSLANG glslangValidator REQUIRED)
find_program(SPIRV_VAL spirv-val REQUIRED)

function(vblip_add_shader target file)
    cmake_parse_arguments(ARG "" "VARIANT" "DEFINES" ${ARGN})
    set(name ${file})
    if(ARG_VARIANT)
        set(name ${file}_${ARG_VARIANT})
    endif()
    list(TRANSFORM ARG_DEFINES PREPEND "-D")

    set(src ${PROJECT_SOURCE_DIR}/shaders/${file}.comp)
    set(dir ${PROJECT_BINARY_DIR}/spv)
    set(flags -V --target-env vulkan1.2 --quiet -I${PROJECT_SOURCE_DIR}/shaders ${ARG_DEFINES})
    add_custom_command(
        OUTPUT ${dir}/${name}.h
        COMMAND ${CMAKE_COMMAND} -E make_directory ${dir}
        COMMAND ${GLSLANG} ${flags} -o ${dir}/${name}.spv ${src}
        COMMAND ${SPIRV_VAL} --target-env vulkan1.2 ${dir}/${name}.spv
        COMMAND ${GLSLANG} ${flags} --vn vb_spv_${name} --depfile ${dir}/${name}.d
                -o ${dir}/${name}.h ${src}
        DEPENDS ${src}
        DEPFILE ${dir}/${name}.d
        COMMENT "GLSL ${name}"
        VERBATIM)
    target_sources(${target} PRIVATE ${dir}/${name}.h)
    target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR})
endfunction()

# vblip_add_prebuilt_shader(TARGET NAME)
#
# The same array of shaders/prebuilt/NAME.spv, which holds what the glslangValidator of Debian
# 12 cannot compile: shaders/prebuilt/rebuild makes it.
function(vblip_add_prebuilt_shader target name)
    set(src ${PROJECT_SOURCE_DIR}/shaders/prebuilt/${name}.spv)
    set(script ${PROJECT_SOURCE_DIR}/cmake/EmbedSpirv.cmake)
    set(out ${PROJECT_BINARY_DIR}/spv/${name}.h)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DSPIRV=${src} -DNAME=vb_spv_${name} -DOUT=${out} -P ${script}
        DEPENDS ${src} ${script}
        COMMENT "SPIR-V ${name}"
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
    target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR})
endfunction()
