# mel_embed(target file symbol): the file's text as `extern const char symbol[]` in the target.
function(mel_embed target file symbol)
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.c)
    add_custom_command(OUTPUT ${output}
        COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DNAME=${symbol} -DOUTPUT=${output}
            -P ${CMAKE_SOURCE_DIR}/schemas/embed.cmake
        DEPENDS ${file} ${CMAKE_SOURCE_DIR}/schemas/embed.cmake VERBATIM)
    target_sources(${target} PRIVATE ${output})
endfunction()
