# What `cmake --install` puts where (GNUInstallDirs), in two components: program and development.
#
# The folders' libraries become one archive, libqi8.a, with the public headers, a CMake package (find_package(qi8),
# target qi8::qi8) and a pkg-config file.

list(TRANSFORM qi8_product_libraries REPLACE "(.+)" "$<TARGET_OBJECTS:qi8_\\1>" OUTPUT_VARIABLE qi8_objects)
add_library(qi8 STATIC ${qi8_objects})
set_target_properties(qi8 PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(qi8 INTERFACE cxx_std_20)
target_include_directories(qi8 INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# By the names that the packages which qi8-config.cmake finds give them; those of the others are the linker's.
set(qi8_foreign_libraries OpenSSL::Crypto TBB::tbb hwy::hwy protobuf::libprotobuf yaml-cpp onnx_proto re2 zip ${CMAKE_DL_LIBS})
foreach(library IN LISTS qi8_foreign_libraries)
  target_link_libraries(qi8 INTERFACE $<INSTALL_INTERFACE:${library}>)
endforeach()

set(qi8_cmake_folder ${CMAKE_INSTALL_LIBDIR}/cmake/qi8)
install(TARGETS qi8 EXPORT qi8-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT qi8-targets NAMESPACE qi8:: DESTINATION ${qi8_cmake_folder} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/qi8 DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)

include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/qi8-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/qi8-config.cmake ${PROJECT_BINARY_DIR}/package/qi8-config-version.cmake
  DESTINATION ${qi8_cmake_folder} COMPONENT development)

# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH QI8_PREFIX_FROM_PKGCONFIG
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/qi8.pc.in ${PROJECT_BINARY_DIR}/package/qi8.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/package/qi8.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)

install(TARGETS quantize-int8 RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(FILES ${QI8_MANUAL} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT program)
set(qi8_data ${CMAKE_INSTALL_DATADIR})
install(FILES ${QI8_BASH_COMPLETION} DESTINATION ${qi8_data}/bash-completion/completions COMPONENT program)
install(FILES ${QI8_ZSH_COMPLETION} DESTINATION ${qi8_data}/zsh/site-functions COMPONENT program)
install(FILES ${QI8_FISH_COMPLETION} DESTINATION ${qi8_data}/fish/vendor_completions.d COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${PROJECT_SOURCE_DIR}/LICENSE
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program
  FILES_MATCHING PATTERN "*.md")

# The example model, and the configurations as examples.
set(example ${PROJECT_BINARY_DIR}/examples/audio_core.onnx)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/examples)
add_custom_command(OUTPUT ${example} ${example}.data COMMAND make-audio-core --size tiny ${example}
  DEPENDS make-audio-core VERBATIM)
add_custom_target(qi8_example ALL DEPENDS ${example} ${example}.data)
install(FILES ${example} ${example}.data DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/config/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT program)
