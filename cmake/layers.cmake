# The layers of docs/architecture.md as static libraries. A library sees its own headers and those of the
# libraries it names: each has a folder in the build tree that holds nothing but a link to it, so that
# an #include of a higher or sideways layer finds no file.
#
#   vc_library(net DEPENDS base THIRD_PARTY deps::curl)   libs/net/*.c; libs/net/*_test.c become net_test
#   vc_service(tool_gateway DEPENDS concierge)            services/tool_gateway/*.c

function(vc_include_root name source_dir)
    set(root ${CMAKE_BINARY_DIR}/include/${name})
    file(MAKE_DIRECTORY ${root})
    file(CREATE_LINK ${source_dir} ${root}/${name} SYMBOLIC)
    set(vc_root ${root} PARENT_SCOPE)
endfunction()

# Sets `sources` and `tests` of the caller: the folder's *.c files, those that end in _test.c apart.
function(vc_sources dir)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.c)
    set(tests ${sources})
    list(FILTER sources EXCLUDE REGEX "_test\\.c$")
    list(FILTER tests INCLUDE REGEX "_test\\.c$")
    set(sources ${sources} PARENT_SCOPE)
    set(tests ${tests} PARENT_SCOPE)
endfunction()

# `source` takes in the other files by base/embed.h, which compilers do not report as dependencies.
function(vc_embed source)
    file(RELATIVE_PATH up ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
    set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${ARGN}" COMPILE_OPTIONS -Wa,-I${up})
endfunction()

function(vc_library name)
    cmake_parse_arguments(arg "" "" "DEPENDS;THIRD_PARTY" ${ARGN})
    vc_sources(${CMAKE_CURRENT_SOURCE_DIR}/${name})
    vc_include_root(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    add_library(${name} STATIC ${sources})
    set_target_properties(${name} PROPERTIES OUTPUT_NAME vc_${name} LINKER_LANGUAGE C)
    target_include_directories(${name} PUBLIC ${vc_root})
    target_link_libraries(${name} PUBLIC ${arg_DEPENDS} PRIVATE vc_flags ${arg_THIRD_PARTY})
    if(VC_TESTS AND tests)
        vc_test(${name}_test SOURCES ${tests} DEPENDS ${name})
    endif()
endfunction()

# A service is a main program over a library of its own, so that its tests can link the parts.
function(vc_service name)
    cmake_parse_arguments(arg "" "" "DEPENDS;THIRD_PARTY;SOURCES" ${ARGN})
    vc_sources(${CMAKE_CURRENT_SOURCE_DIR}/${name})
    set(main ${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.c)
    list(REMOVE_ITEM sources ${main})
    vc_include_root(${name} ${CMAKE_CURRENT_SOURCE_DIR}/${name})
    file(GLOB assets CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/assets/*)
    if(assets)
        vc_embed(${CMAKE_CURRENT_SOURCE_DIR}/${name}/assets.c ${assets})
    endif()
    add_library(${name}_parts STATIC ${sources})
    set_target_properties(${name}_parts PROPERTIES LINKER_LANGUAGE C)
    target_include_directories(${name}_parts PUBLIC ${vc_root})
    target_link_libraries(${name}_parts PUBLIC ${arg_DEPENDS} PRIVATE vc_flags ${arg_THIRD_PARTY})
    string(REPLACE "_" "-" program ${name})
    add_executable(${name} ${main})
    set_target_properties(${name} PROPERTIES OUTPUT_NAME ${program})
    target_link_libraries(${name} PRIVATE ${name}_parts vc_flags)
    if(VC_STATIC)
        target_link_options(${name} PRIVATE -static-pie)
        # What is deployed is stripped; its symbols stay beside it, for stack traces.
        add_custom_command(TARGET ${name} POST_BUILD
            COMMAND ${CMAKE_OBJCOPY} --only-keep-debug $<TARGET_FILE:${name}> $<TARGET_FILE:${name}>.debug
            COMMAND ${CMAKE_STRIP} --strip-all $<TARGET_FILE:${name}>
            COMMAND ${CMAKE_OBJCOPY} --add-gnu-debuglink=$<TARGET_FILE:${name}>.debug $<TARGET_FILE:${name}>)
    endif()
    if(VC_TESTS AND tests)
        vc_test(${name}_test SOURCES ${tests} DEPENDS ${name}_parts)
    endif()
endfunction()

# One test program: cmocka behind tests/support/test.h, which brings main(). UNLISTED: built, but not run by
# scripts/test.
function(vc_test name)
    cmake_parse_arguments(arg "UNLISTED" "" "SOURCES;DEPENDS" ${ARGN})
    add_executable(${name} ${arg_SOURCES})
    target_link_libraries(${name} PRIVATE test_support ${arg_DEPENDS} vc_flags)
    target_compile_definitions(${name} PRIVATE VC_SOURCE_DIR=".") # tests/support/test.c goes there
    if(NOT arg_UNLISTED)
        set_property(GLOBAL APPEND PROPERTY VC_TESTS ${name})
    endif()
endfunction()
