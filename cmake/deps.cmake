# The third-party libraries as targets deps::<name>, from the prefix that scripts/deps builds:
#
#   deps::openssl (libssl, libcrypto)  deps::websockets  deps::curl  deps::cares
#   deps::yyjson  deps::ical  deps::yaml  deps::webrtc_vad  deps::sqlite  deps::cmocka
#
# Each brings its own headers (as system headers), the libraries it needs, in link order, and no
# other library's headers. The same archives serve -static-pie and a dynamic libc.
#
# VC_DEPS_PREFIX (cache variable or environment) says where; without it scripts/deps is asked.

include_guard(GLOBAL)

if(NOT VC_DEPS_PREFIX AND DEFINED ENV{VC_DEPS_PREFIX})
  set(VC_DEPS_PREFIX "$ENV{VC_DEPS_PREFIX}")
endif()
set(_deps_prefix "${VC_DEPS_PREFIX}")
if(NOT _deps_prefix)
  # Not cached: another pin or compiler means another prefix.
  execute_process(
    COMMAND "${CMAKE_CURRENT_LIST_DIR}/../scripts/deps" --prefix
    OUTPUT_VARIABLE _deps_prefix OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_VARIABLE _deps_error RESULT_VARIABLE _deps_status)
  if(NOT _deps_status EQUAL 0)
    message(FATAL_ERROR "scripts/deps --prefix failed: ${_deps_error}")
  endif()
endif()
if(NOT EXISTS "${_deps_prefix}/complete")
  message(FATAL_ERROR
    "The third-party libraries are not built in ${_deps_prefix}: run scripts/bootstrap, or scripts/deps where the build tools are installed.")
endif()

# Configure again when a pin or a recipe changes.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_LIST_DIR}/../deps/manifest" "${CMAKE_CURRENT_LIST_DIR}/../deps/recipes.sh")

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

# deps_archive(TARGET PACKAGE ARCHIVE [LIBRARY_IT_NEEDS...])
function(deps_archive target package archive)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES
    IMPORTED_LOCATION "${_deps_prefix}/${package}/lib/${archive}"
    INTERFACE_INCLUDE_DIRECTORIES "${_deps_prefix}/${package}/include"
    INTERFACE_LINK_LIBRARIES "${ARGN}")
endfunction()

deps_archive(deps::crypto openssl libcrypto.a Threads::Threads ${CMAKE_DL_LIBS})
deps_archive(deps::openssl openssl libssl.a deps::crypto)
deps_archive(deps::cares c-ares libcares.a Threads::Threads)
deps_archive(deps::curl curl libcurl.a deps::cares deps::openssl Threads::Threads)
set_property(TARGET deps::curl PROPERTY INTERFACE_COMPILE_DEFINITIONS CURL_STATICLIB)
deps_archive(deps::websockets libwebsockets libwebsockets.a deps::openssl Threads::Threads)
deps_archive(deps::yyjson yyjson libyyjson.a)
deps_archive(deps::ical libical libical.a Threads::Threads)
deps_archive(deps::yaml libyaml libyaml.a)
set_property(TARGET deps::yaml PROPERTY INTERFACE_COMPILE_DEFINITIONS YAML_DECLARE_STATIC)
deps_archive(deps::webrtc_vad webrtc-vad libwebrtc_vad.a Threads::Threads)
set_property(TARGET deps::webrtc_vad PROPERTY INTERFACE_COMPILE_DEFINITIONS WEBRTC_POSIX)
deps_archive(deps::sqlite sqlite libsqlite3.a Threads::Threads m)
deps_archive(deps::cmocka cmocka libcmocka.a)
