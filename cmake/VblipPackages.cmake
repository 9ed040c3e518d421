# Packages of Debian, and an archive of the sources: `cpack` in a build folder, with `file` installed.
#
# vblip is the program, vblip-data what it finds beside itself, libvblip0 and libvblip-dev are the
# library. Each has the two files that Debian wants of all: its licence, and what changed.
set(CPACK_PACKAGE_NAME vblip)
set(CPACK_PACKAGE_VENDOR "the vblip authors")
set(CPACK_PACKAGE_CONTACT "the vblip authors <maintainers@vblip.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_FILE ${PROJECT_SOURCE_DIR}/cmake/packages/description.txt)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_COMPONENTS_ALL program data library development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION video)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(same "(= ${PROJECT_VERSION})")

file(READ LICENSE licence)
file(WRITE ${PROJECT_BINARY_DIR}/packages/copyright "${licence}
On Debian systems the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.
")

# vblip_package(COMPONENT NAME SECTION WHAT)
function(vblip_package component name section what)
    set(docs share/doc/${name})
    string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
    configure_file(cmake/packages/changelog.in packages/${name}/changelog @ONLY)
    execute_process(COMMAND gzip -9nf packages/${name}/changelog WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
        COMMAND_ERROR_IS_FATAL ANY)
    install(FILES ${PROJECT_BINARY_DIR}/packages/${name}/changelog.gz DESTINATION ${docs} COMPONENT ${component})
    install(FILES ${PROJECT_BINARY_DIR}/packages/copyright DESTINATION ${docs} COMPONENT ${component})
    string(TOUPPER ${component} upper)
    set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name} PARENT_SCOPE)
    set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section} PARENT_SCOPE)
    file(READ cmake/packages/description.txt rest)
    set(CPACK_DEBIAN_${upper}_DESCRIPTION "${rest}This package has ${what}." PARENT_SCOPE)
endfunction()

vblip_package(program vblip video "the program")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS "vblip-data ${same}, libvulkan1")
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS mesa-vulkan-drivers)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "ffmpeg, mpv")

vblip_package(data vblip-data video "a demonstration model and a vocabulary")
set(CPACK_DEBIAN_DATA_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DATA_PACKAGE_SHLIBDEPS OFF)

vblip_package(library libvblip0 libs "the library")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS libvulkan1)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/cmake/packages/triggers)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_RECOMMENDS "vblip-data, mesa-vulkan-drivers")

vblip_package(development libvblip-dev libdevel "what programs that use the library are built with")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "libvblip0 ${same}")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SHLIBDEPS OFF)

# The sources as they were committed: what is built from an archive has no other files.
find_program(VBLIP_GIT git)
if(VBLIP_GIT AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
    set(archive vblip-${PROJECT_VERSION})
    add_custom_target(source_archive
        COMMAND ${VBLIP_GIT} archive --format tar.gz --prefix ${archive}/
            -o ${PROJECT_BINARY_DIR}/${archive}.tar.gz HEAD
        WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
        COMMENT "${archive}.tar.gz"
        VERBATIM)
endif()

include(CPack)
