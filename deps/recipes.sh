# shellcheck shell=bash
# How each package of deps/manifest is built. Sourced by scripts/deps, which runs build_NAME in the
# unpacked source with these set:
#   src, build, stage   source, a folder to build in (not made yet), and where to install: $stage
#                       becomes $prefix/NAME
#   prefix              finished packages, for those that need one another
#   cc, jobs            compiler, parallel jobs
: "${src:?}" "${build:?}" "${stage:?}" "${prefix:?}" "${cc:?}" "${jobs:?}"

# Every archive is position-independent and cut into sections, so that one prefix serves the release
# (static PIE, unused sections dropped) and the sanitizer builds (dynamic libc).

cflags="-O2 -g -fPIC -ffunction-sections -fdata-sections -fstack-protector-strong"
cflags+=" -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"
case $("$cc" -dumpmachine) in
x86_64-*) cflags+=" -fcf-protection" ;;
aarch64-*) cflags+=" -mbranch-protection=standard" ;;
esac
# Where it was built is nobody's business: __FILE__ and debug information say /deps/... (OpenSSL
# would keep this very flag as text, and names its files relatively anyway).
cflags_mapped="$cflags -ffile-prefix-map=$prefix=/deps -ffile-prefix-map=${src%/*}=/deps"

# The patches of Debian's packaging whose names match one of the patterns, in its order.
debian_patches() { # PATTERN...
    local name pattern applied=0
    while read -r name _; do
        for pattern in "$@"; do
            # shellcheck disable=SC2053
            if [[ $name == $pattern ]]; then
                patch -p1 -f <"debian/patches/$name"
                applied=$((applied + 1))
                break
            fi
        done
    done < <(grep -v '^#' debian/patches/series)
    [[ $applied -gt 0 ]]
}

# Changes exactly one line, or stops the build.
replace_once() { # FILE SED-COMMAND
    cp "$1" "$1.orig"
    sed -i -E "$2" "$1"
    [[ $(diff "$1.orig" "$1" | grep -c '^>') == 1 ]]
    rm "$1.orig"
}

cmake_install() { # OPTION...
    cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None -DCMAKE_C_COMPILER="$cc" \
        -DCMAKE_C_FLAGS="$cflags_mapped" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
        -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_FIND_PACKAGE_NO_PACKAGE_REGISTRY=ON "$@"
    cmake --build "$build" --parallel "$jobs"
    DESTDIR=$stage cmake --install "$build"
}

compile_archive() { # NAME SOURCE FLAG...
    local name=$1 source=$2
    shift 2
    # shellcheck disable=SC2086
    "$cc" $cflags_mapped "$@" -c "$source" -o "$name.o"
    mkdir -p "$stage/include" "$stage/lib"
    ar rcs "$stage/lib/lib$name.a" "$name.o"
}

# Runs after each recipe: headers, archives and pkg-config files (which find themselves) stay.
tidy_stage() {
    if [[ -d $stage/usr ]]; then
        mkdir -p "$stage/lib"
        mv "$stage/usr/include" "$stage/include"
        mv "$stage"/usr/lib/*.a "$stage/lib/"
        if [[ -d $stage/usr/lib/pkgconfig ]]; then
            mv "$stage/usr/lib/pkgconfig" "$stage/lib/pkgconfig"
            # shellcheck disable=SC2016
            sed -i -e 's|^prefix=.*|prefix=${pcfiledir}/../..|' -e 's|=/usr/|=${prefix}/|' \
                "$stage"/lib/pkgconfig/*.pc
        fi
        rm -rf "${stage:?}/usr"
    fi
    ls "$stage"/lib/*.a >/dev/null
}

# --- TLS and the network ------------------------------------------------------------------------

# What is left: TLS 1.2 and 1.3, RSA, EC, AES, ChaCha20, SHA-1/2/3, MD5, HMAC, HKDF, X.509, PEM,
# PKCS#8 and ML-KEM. Patches: Debian's for the CVEs found since the release; the first five in its
# list are about its own packaging.
build_openssl() {
    debian_patches Configure-allow-* conf-* Avoid-* Add-* Fix-* Handle-* ssl-record-* CMP-* \
        Don-t-store-* Check-* QUIC-*
    # Each connection has room for as many records at once; more than one at a time is for engines.
    replace_once include/openssl/ssl.h.in 's/^(#define SSL_MAX_PIPELINES) 32$/\1 1/'
    CC=$cc CFLAGS=$cflags ./Configure --prefix=/usr --libdir=lib --openssldir=/etc/ssl threads \
        no-shared no-pinshared no-tests no-docs no-apps no-module no-dso no-engine no-legacy \
        no-ui-console no-comp no-dtls no-srp no-ssl3 no-cms no-ts no-ct no-cmp no-http no-quic \
        no-async no-autoload-config no-srtp no-nextprotoneg no-ec2m no-dsa no-gost no-ml-dsa \
        no-slh-dsa no-scrypt no-idea no-rc2 no-rc4 no-rc5 no-bf no-cast no-camellia no-aria no-seed \
        no-sm2 no-sm3 no-sm4 no-md4 no-mdc2 no-whirlpool no-rmd160 no-blake2
    make -j"$jobs" build_libs
    make install_dev DESTDIR="$stage"
}

# Our own epoll loop drives it (event_lib_custom, which needs no option). NETLINK opens a route
# socket, which sandboxes may refuse.
build_libwebsockets() {
    debian_patches CVE-*
    # A client's buffer for the message in progress may be short; it still reads a whole TLS record at
    # a time (what is left of one would be tried again and again while the connection is paused).
    replace_once lib/roles/ws/ops-ws.c '/restrict the amount of rx/,/rx_ubuf_alloc/'\
's/if \(lwsi_role_ws\(wsi\)\)/if (lwsi_role_ws(wsi) \&\& !lwsi_role_client(wsi))/'
    cmake_install -DLWS_WITH_STATIC=ON -DLWS_WITH_SHARED=OFF -DLWS_STATIC_PIC=ON \
        -DLWS_WITHOUT_TESTAPPS=ON -DLWS_WITH_MINIMAL_EXAMPLES=OFF -DLWS_WITHOUT_EXTENSIONS=ON \
        -DLWS_WITH_HTTP2=OFF -DLWS_IPV6=ON -DLWS_UNIX_SOCK=OFF -DLWS_WITH_NETLINK=OFF \
        -DLWS_WITH_SYS_ASYNC_DNS=ON -DLWS_WITH_SYS_SMD=OFF -DLWS_WITH_LEJP=OFF \
        -DLWS_WITH_LEJP_CONF=OFF -DLWS_WITH_DIR=OFF -DLWS_WITH_CACHE_NSCOOKIEJAR=OFF \
        -DLWS_WITH_CONMON=OFF -DLWS_WITH_EVLIB_PLUGINS=OFF -DLWS_WITH_LWSAC=OFF \
        -DLWS_CLIENT_HTTP_PROXYING=OFF -DLWS_LOG_TAG_LIFECYCLE=OFF -DLWS_MAX_SMP=1 \
        -DDISABLE_WERROR=ON -DLWS_WITH_SSL=ON -DOPENSSL_ROOT_DIR="$prefix/openssl" \
        -DLWS_OPENSSL_INCLUDE_DIRS="$prefix/openssl/include" \
        "-DLWS_OPENSSL_LIBRARIES=$prefix/openssl/lib/libssl.a;$prefix/openssl/lib/libcrypto.a"
    # Without this one, no host name in a certificate would be verified.
    grep -q '^#define LWS_HAVE_X509_VERIFY_PARAM_set1_host' "$stage/usr/include/lws_config.h"
    grep -q '^#define LWS_WITH_SYS_ASYNC_DNS' "$stage/usr/include/lws_config.h"
}

build_c_ares() {
    cmake_install -DCARES_STATIC=ON -DCARES_SHARED=OFF -DCARES_STATIC_PIC=ON -DCARES_THREADS=ON \
        -DCARES_BUILD_TOOLS=OFF -DCARES_BUILD_TESTS=OFF
}

# http and https, without proxies, cookies or anything else that the environment could switch on.
# Kept on purpose: mime (multipart uploads), the headers API, dates (Retry-After).
build_curl() {
    CC=$cc CFLAGS=$cflags_mapped ./configure --prefix=/usr --libdir=/usr/lib --disable-shared \
        --enable-static --with-pic --disable-dependency-tracking \
        --with-openssl="$prefix/openssl" --enable-ares="$prefix/c-ares" --disable-threaded-resolver \
        --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --without-ca-path --enable-mime \
        --enable-headers-api --enable-dateparse --without-zlib --without-brotli --without-zstd \
        --without-libpsl --without-libidn2 --without-nghttp2 --without-libssh2 --without-librtmp \
        --disable-ftp --disable-file --disable-ldap --disable-ldaps --disable-rtsp --disable-dict \
        --disable-telnet --disable-tftp --disable-pop3 --disable-imap --disable-smb --disable-smtp \
        --disable-gopher --disable-mqtt --disable-ipfs --disable-websockets --disable-manual \
        --disable-docs --disable-ntlm --disable-unix-sockets --disable-cookies --disable-netrc \
        --disable-alt-svc --disable-hsts --disable-kerberos-auth --disable-negotiate-auth \
        --disable-digest-auth --disable-aws --disable-httpsig --disable-doh \
        --disable-progress-meter --disable-form-api --disable-bindlocal --disable-proxy
    make -C lib -j"$jobs"
    make -C lib install DESTDIR="$stage"
    make -C include install DESTDIR="$stage"
    make install-pkgconfigDATA DESTDIR="$stage"
    grep -q '^#define USE_RESOLV_ARES 1' lib/curl_config.h
    grep -q '^#define USE_OPENSSL 1' lib/curl_config.h
}

# --- formats ------------------------------------------------------------------------------------

build_yyjson() {
    compile_archive yyjson src/yyjson.c -DNDEBUG
    cp src/yyjson.h "$stage/include/"
}

# Zones come from the system's compiled zone files (/usr/share/zoneinfo), which the system keeps up
# to date, not from the snapshot in this source.
build_libical() {
    cmake_install -DSTATIC_ONLY=ON -DWITH_CXX_BINDINGS=OFF -DICAL_GLIB=OFF -DICAL_GLIB_VAPI=OFF \
        -DGOBJECT_INTROSPECTION=OFF -DICAL_BUILD_DOCS=OFF -DLIBICAL_BUILD_TESTING=OFF \
        -DUSE_BUILTIN_TZDATA=OFF -DICAL_ERRORS_ARE_FATAL=OFF \
        -DCMAKE_DISABLE_FIND_PACKAGE_ICU=ON -DCMAKE_DISABLE_FIND_PACKAGE_BDB=ON
}

build_libyaml() {
    cmake_install -DBUILD_TESTING=OFF -DINSTALL_CMAKE_DIR=lib/cmake/yaml
}

# --- audio --------------------------------------------------------------------------------------

# WebRTC's voice activity detector, out of the Python package that carries its C source unchanged. What
# it takes from the signal processing library is in there whole; unused functions are dropped by the linker.
build_webrtc_vad() {
    local source
    mkdir -p "$build" "$stage/lib" "$stage/include"
    for source in cbits/webrtc/common_audio/{vad,signal_processing}/*.c; do
        # shellcheck disable=SC2086
        "$cc" $cflags_mapped -DWEBRTC_POSIX -DNDEBUG -I cbits -c "$source" \
            -o "$build/$(basename "${source%.c}").o"
    done
    ar rcs "$stage/lib/libwebrtc_vad.a" "$build"/*.o
    cp cbits/webrtc/common_audio/vad/include/webrtc_vad.h "$stage/include/"
    # The header includes its types by their path in the tree.
    mkdir -p "$stage/include/webrtc"
    cp cbits/webrtc/typedefs.h "$stage/include/webrtc/"
}

# --- storage and tests --------------------------------------------------------------------------

build_sqlite() {
    ./configure --disable-tcl --disable-readline --disable-shared
    make sqlite3.c sqlite3.h
    compile_archive sqlite3 sqlite3.c -DNDEBUG -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION \
        -DSQLITE_DQS=0
    cp sqlite3.h "$stage/include/"
}

build_cmocka() {
    cmake_install -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF
}
