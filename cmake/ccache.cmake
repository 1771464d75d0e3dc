# ccache when it is installed and no launcher was chosen. Its base directory is this clone, so that another
# clone finds what this one compiled.
find_program(VC_CCACHE ccache)
if(VC_CCACHE AND NOT CMAKE_C_COMPILER_LAUNCHER AND NOT DEFINED ENV{CMAKE_C_COMPILER_LAUNCHER})
    set(CMAKE_C_COMPILER_LAUNCHER
        ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${VC_CCACHE})
endif()
