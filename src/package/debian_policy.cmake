# What Debian wants of a package and `cmake --install` does not do: manual pages compressed, and a copyright file
# in the folder of each package's documentation.
file(GLOB packages ${CPACK_TEMPORARY_DIRECTORY}/*)
foreach(package IN LISTS packages)
  file(GLOB pages ${package}/usr/share/man/man*/*.[0-9])
  foreach(page IN LISTS pages)
    execute_process(COMMAND gzip -9n ${page} COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  set(name quantize-int8)
  if(EXISTS ${package}/usr/include)
    set(name libqi8-dev)
  endif()
  file(COPY_FILE ${CPACK_QI8_LICENSE} ${package}/copyright)
  file(COPY ${package}/copyright DESTINATION ${package}/usr/share/doc/${name}
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
  file(REMOVE ${package}/copyright ${package}/usr/share/doc/${name}/LICENSE)
endforeach()
