# Warnings and hardening, each where the compiler takes it. The flags stand on the target vc_flags,
# which every target of ours links and no third-party one does.
include(CheckCCompilerFlag)
include(CheckPIESupported)

add_library(vc_flags INTERFACE)

function(vc_flag flag)
    string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
    check_c_compiler_flag(${flag} ${have})
    if(${have})
        target_compile_options(vc_flags INTERFACE ${flag})
    endif()
endfunction()

foreach(flag -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
        -Wundef -Wvla -Wcast-qual -Wwrite-strings -fno-strict-aliasing -fstack-protector-strong)
    vc_flag(${flag})
endforeach()
# Objects name their sources from the repository's root, however the compiler was given them (ccache says
# ../../libs/…): so a clone elsewhere makes the same bytes. The last map is looked at first.
file(RELATIVE_PATH up ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
target_compile_options(vc_flags INTERFACE -ffunction-sections -fdata-sections
    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${up}= -fdebug-prefix-map=${CMAKE_BINARY_DIR}=.)
target_compile_definitions(vc_flags INTERFACE _GNU_SOURCE)
if(VC_WERROR)
    target_compile_options(vc_flags INTERFACE -Werror)
endif()

if(VC_COVERAGE)
    # Threads count at once, so atomically.
    target_compile_options(vc_flags INTERFACE --coverage -fprofile-update=atomic)
    target_link_options(vc_flags INTERFACE --coverage)
endif()

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(VC_SANITIZE)
    string(REPLACE ";" "," sanitizers "${VC_SANITIZE}")
    target_compile_options(vc_flags INTERFACE
        -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer
        $<$<BOOL:${VC_FUZZ}>:-fsanitize=fuzzer-no-link>)
    target_link_options(vc_flags INTERFACE -fsanitize=${sanitizers})
    target_compile_definitions(vc_flags INTERFACE VC_SANITIZED=1)
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
    foreach(flag -fstack-clash-protection -fcf-protection -ftrivial-auto-var-init=zero)
        vc_flag(${flag})
    endforeach()
    target_compile_options(vc_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
    target_link_options(vc_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--gc-sections)
endif()
