# Run after a test program was linked: asks it for its suites, and writes a CTest file with a test for each. A suite is one
# process: to start one for each of its cases takes as long as most cases do.
#
#   cmake -D PROGRAM=... -D EMULATOR=... -D PREFIX=... -D PROPERTIES=... -D OUTPUT=... -P discover_suites.cmake
#
# EMULATOR is what CMAKE_CROSSCOMPILING_EMULATOR says, the command line that runs a program of another machine; mostly empty.

execute_process(COMMAND ${EMULATOR} ${PROGRAM} --gtest_list_tests OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY TIMEOUT 60)
string(REPLACE ";" "\\;" listed "${listed}")
string(REPLACE "\n" ";" lines "${listed}")
set(command "")
foreach(word IN LISTS EMULATOR PROGRAM)
  string(APPEND command " [=[${word}]=]")
endforeach()
set(text "")
foreach(line IN LISTS lines)
  # A suite stands at the begin of a line and ends in a point; behind it there may be a comment.
  if(line MATCHES "^([A-Za-z0-9_/]+)\\.( |$)")
    set(suite ${CMAKE_MATCH_1})
    string(APPEND text "add_test([=[${PREFIX}${suite}]=]${command} [=[--gtest_filter=${suite}.*]=])\n"
      "set_tests_properties([=[${PREFIX}${suite}]=] PROPERTIES ${PROPERTIES})\n")
  endif()
endforeach()
if(text STREQUAL "")
  message(FATAL_ERROR "${PROGRAM} lists no tests")
endif()
file(WRITE ${OUTPUT} "${text}")
