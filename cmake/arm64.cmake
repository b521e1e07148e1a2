# Builds for 64-bit ARM with Debian's cross compiler and runs what was built under qemu-user; scripts/test-arm64 makes the
# folder with the libraries and the headers for it. Programs of the build, protoc among them, are this machine's own.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(QI8_ARM64_ROOT ${CMAKE_CURRENT_LIST_DIR}/../build/arm64-root CACHE PATH "Debian's arm64 libraries and headers")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES QI8_ARM64_ROOT)
cmake_path(NORMAL_PATH QI8_ARM64_ROOT)

set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_SYSROOT ${QI8_ARM64_ROOT})
set(CMAKE_FIND_ROOT_PATH ${QI8_ARM64_ROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${QI8_ARM64_ROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${QI8_ARM64_ROOT}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${QI8_ARM64_ROOT})

set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${QI8_ARM64_ROOT})
