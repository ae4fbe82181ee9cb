# Read by CMake at llama.cpp's project() call (CMAKE_PROJECT_INCLUDE in .cargo/config.toml).
#
# llama.cpp keeps one source file a model architecture, about 150 of them, each of which pulls in the
# same headers. Compiled 40 at a time they cost a fraction. Everything outside models/ stays separate:
# those files were not written to share a translation unit. `common` (argument parsing, chat helpers,
# a template engine) is not used here.
if(CMAKE_PROJECT_NAME STREQUAL "llama.cpp" AND NOT COMMAND edgecoder_unity)
  set(LLAMA_BUILD_COMMON OFF CACHE BOOL "" FORCE)
  function(edgecoder_unity)
    if(NOT TARGET llama)
      return()
    endif()
    get_target_property(folder llama SOURCE_DIR)
    get_target_property(sources llama SOURCES)
    set(separate)
    foreach(source ${sources})
      if(NOT source MATCHES "models/")
        if(NOT IS_ABSOLUTE "${source}")
          set(source "${folder}/${source}")
        endif()
        list(APPEND separate "${source}")
      endif()
    endforeach()
    set_source_files_properties(${separate} TARGET_DIRECTORY llama
      PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    set_target_properties(llama PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 40)
  endfunction()
  cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL edgecoder_unity)
endif()
