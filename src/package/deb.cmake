# `cpack -G DEB` in the build folder makes two packages: quantize-int8, the program, and libqi8-dev, the library.
set(CPACK_PACKAGE_NAME quantize-int8)
set(CPACK_PACKAGE_VENDOR quantize-int8)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "quantizes FP32 ONNX models to INT8")
set(CPACK_PACKAGE_CONTACT "quantize-int8 <noreply@example.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program development)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_policy.cmake)
set(CPACK_QI8_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME quantize-int8)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_COMPONENT_PROGRAM_DESCRIPTION "Turns the weights of an ONNX model into INT8 by the rules of ONNX Runtime's
dynamic quantization: a quarter of the size, several times faster on a CPU. It
needs no calibration data and a fixed small amount of memory.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libqi8-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "libhwy-dev, libonnx-dev, libprotobuf-dev, libre2-dev, libssl-dev, libtbb-dev, libyaml-cpp-dev, libzip-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "The static library behind quantize-int8, its headers, a CMake package and a
pkg-config file.")
include(CPack)
