# cmake -DINPUT=file -DNAME=symbol -DOUTPUT=file.c -P embed.cmake
# Writes the bytes of INPUT as `const char NAME[]`, NUL-terminated (#embed is C23).
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${OUTPUT} "extern const char ${NAME}[];\nconst char ${NAME}[] = {\n${bytes}0};\n")
