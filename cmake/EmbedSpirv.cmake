# Writes the words of the file SPIRV to OUT, as the C array NAME.
file(READ ${SPIRV} bytes HEX)
string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1,\n" words "${bytes}")
file(WRITE ${OUT} "#include <stdint.h>\nstatic const uint32_t ${NAME}[] = {\n${words}};\n")
