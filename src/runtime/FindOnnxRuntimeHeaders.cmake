# Looks for ONNX Runtime's C header. When found, it defines
#
#   qi8_onnxruntime_headers         interface target: the header's folder, as a system include folder
#   QI8_ONNXRUNTIME_INCLUDE_DIR     that folder
#   QI8_ONNXRUNTIME_LIBRARY         the shared library that came with it, or empty; for tests only: the program links
#                                   none and loads one when it needs it
#
# Order: ONNX Runtime's CMake package, pkg-config, then the folder -DONNXRUNTIME_ROOT (a release archive, vcpkg, or what
# scripts/fetch-onnxruntime made).

# A PATH, so that a relative one on the command line counts from the current folder.
set(ONNXRUNTIME_ROOT "" CACHE PATH "A folder with ONNX Runtime: include/, and lib/ for the tests")

set(QI8_ONNXRUNTIME_INCLUDE_DIR "")
set(QI8_ONNXRUNTIME_LIBRARY "")

# Sets the two variables to what is in these include and library folders, or leaves them empty.
function(qi8_look_for_onnxruntime include_dirs library_dirs)
  # onnxruntime_c_api.h is in include/ of a release archive and deeper elsewhere. Also when cross-building, the folders are those
  # that were named.
  find_path(header_dir onnxruntime_c_api.h PATHS ${include_dirs}
    PATH_SUFFIXES onnxruntime onnxruntime/core/session NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH NO_CACHE)
  if(NOT header_dir)
    return()
  endif()
  find_file(library NAMES libonnxruntime.so.1 libonnxruntime.so PATHS ${library_dirs} NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH NO_CACHE)
  if(NOT library)
    set(library "")
  endif()
  set(QI8_ONNXRUNTIME_INCLUDE_DIR ${header_dir} PARENT_SCOPE)
  set(QI8_ONNXRUNTIME_LIBRARY ${library} PARENT_SCOPE)
endfunction()

find_package(onnxruntime CONFIG QUIET)
if(TARGET onnxruntime::onnxruntime)
  get_target_property(qi8_include_dirs onnxruntime::onnxruntime INTERFACE_INCLUDE_DIRECTORIES)
  qi8_look_for_onnxruntime("${qi8_include_dirs}" "${onnxruntime_DIR}/../..")
endif()

if(NOT QI8_ONNXRUNTIME_INCLUDE_DIR)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(qi8_onnxruntime_pc QUIET libonnxruntime)
    if(qi8_onnxruntime_pc_FOUND)
      pkg_get_variable(qi8_include_dirs libonnxruntime includedir)
      pkg_get_variable(qi8_library_dirs libonnxruntime libdir)
      qi8_look_for_onnxruntime("${qi8_onnxruntime_pc_INCLUDE_DIRS};${qi8_include_dirs}" "${qi8_library_dirs}")
    endif()
  endif()
endif()

if(NOT QI8_ONNXRUNTIME_INCLUDE_DIR AND ONNXRUNTIME_ROOT)
  qi8_look_for_onnxruntime("${ONNXRUNTIME_ROOT}/include" "${ONNXRUNTIME_ROOT}/lib")
endif()

if(QI8_ONNXRUNTIME_INCLUDE_DIR)
  add_library(qi8_onnxruntime_headers INTERFACE)
  target_include_directories(qi8_onnxruntime_headers SYSTEM INTERFACE ${QI8_ONNXRUNTIME_INCLUDE_DIR})
endif()
