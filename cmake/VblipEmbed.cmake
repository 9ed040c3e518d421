# vblip_embed_file(TARGET FOLDER FILE)
#
# The bytes of FILE as the C array vb_FOLDER_NAME of the header "FOLDER/NAME.h", NAME without its
# extension.
function(vblip_embed_file target folder file)
    get_filename_component(name ${file} NAME_WE)
    set(script ${PROJECT_SOURCE_DIR}/cmake/EmbedFile.cmake)
    set(out ${PROJECT_BINARY_DIR}/embedded/${folder}/${name}.h)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DFILE=${file} -DNAME=vb_${folder}_${name} -DOUT=${out} -P ${script}
        DEPENDS ${file} ${script}
        COMMENT "Bytes of ${folder}/${name}"
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
    target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/embedded)
endfunction()
