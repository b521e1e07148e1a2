# find_package(qi8): the target qi8::qi8, and the libraries that it stands on.
include(CMakeFindDependencyMacro)
find_dependency(OpenSSL COMPONENTS Crypto)
find_dependency(TBB)
find_dependency(hwy CONFIG)
find_dependency(Protobuf)
find_dependency(yaml-cpp)
include(${CMAKE_CURRENT_LIST_DIR}/qi8-targets.cmake)
