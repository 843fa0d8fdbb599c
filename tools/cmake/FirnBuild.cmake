# How firn is built: flags, and one function for a layer, a program, a layer's tests.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

# A part that needs what may be missing: FIRN_<part> is ON (then its absence is an error), OFF or AUTO (if all is there);
# FIRN_HAS_<part> says what became of it. `ARGN`: variables that tell whether what it needs was found.
function(firn_optional part text)
  set(FIRN_${part} AUTO CACHE STRING "${text}: ON, OFF or AUTO")
  set(missing "")
  foreach(found IN LISTS ARGN)
    if(NOT ${found})
      list(APPEND missing ${found})
    endif()
  endforeach()
  set(has ${FIRN_${part}})
  if(has STREQUAL "AUTO")
    set(has ON)
    if(missing)
      set(has OFF)
      message(STATUS "FIRN_${part} is off, for want of: ${missing}")
    endif()
  elseif(has AND missing)
    message(FATAL_ERROR "FIRN_${part} is ON, but not: ${missing}; tools/install-packages installs what it needs")
  endif()
  set(FIRN_HAS_${part} ${has} PARENT_SCOPE)
endfunction()

option(FIRN_WERROR "Warnings are errors" OFF)
set(FIRN_SANITIZE "" CACHE STRING "Sanitizers for our code: 'address,undefined' or 'thread'")

find_program(FIRN_CCACHE ccache)
if(FIRN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      "${CMAKE_COMMAND}" -E env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${FIRN_CCACHE}")
endif()

add_library(firn_flags INTERFACE)
# Two warnings of g++ 12 are off for false alarms in inlined std::string and std::variant; sanitizers and clang-tidy
# look for the same faults.
target_compile_options(firn_flags INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wno-restrict -Wno-maybe-uninitialized)
if(FIRN_WERROR)
  target_compile_options(firn_flags INTERFACE -Werror)
endif()
if(FIRN_SANITIZE)
  target_compile_options(firn_flags INTERFACE -fsanitize=${FIRN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(firn_flags INTERFACE -fsanitize=${FIRN_SANITIZE})
endif()

# The presets with sanitizers compile several sources as one: most of a compilation is headers. The sources of a folder
# go together, eight at a time, so names in anonymous namespaces must differ within a folder. The release preset compiles
# each source by itself, which keeps includes honest.
option(FIRN_UNITY "Compile the sources of a folder together" OFF)
function(firn_unity target)
  if(NOT FIRN_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  # g++ takes a source that is included for a header.
  target_compile_options(${target} PRIVATE -Wno-subobject-linkage)
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources INCLUDE REGEX "\\.cpp$")
  foreach(source IN LISTS sources)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY "${CMAKE_SOURCE_DIR}" OUTPUT_VARIABLE folder)
    cmake_path(GET folder PARENT_PATH folder)
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    if(NOT DEFINED count_${folder})
      set(count_${folder} 0)
    endif()
    math(EXPR part "${count_${folder}} / 8")
    math(EXPR count_${folder} "${count_${folder}} + 1")
    set_source_files_properties("${source}" PROPERTIES UNITY_GROUP "${folder}_${part}")
  endforeach()
endfunction()

# firn_layer(NAME USES layer... LIBS target...): the library firn_NAME from all sources below the folder NAME, with the
# FlatBuffers schemas (*.fbs) in it compiled to <NAME/..._generated.h>.
function(firn_layer name)
  cmake_parse_arguments(arg "" "" "USES;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${name}/*.cpp")
  file(GLOB_RECURSE schemas CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${name}/*.fbs")
  set(generated)
  foreach(fbs IN LISTS schemas)
    cmake_path(GET fbs STEM stem)
    set(header "${CMAKE_BINARY_DIR}/gen/${name}/${stem}_generated.h")
    add_custom_command(
      OUTPUT "${header}"
      COMMAND flatbuffers::flatc --cpp --scoped-enums --gen-mutable -I "${CMAKE_SOURCE_DIR}/${name}"
              -o "${CMAKE_BINARY_DIR}/gen/${name}" "${fbs}"
      DEPENDS ${schemas}
      COMMENT "flatc ${name}/${stem}.fbs")
    list(APPEND generated "${header}")
  endforeach()
  add_library(firn_${name} STATIC ${sources} ${generated})
  target_include_directories(firn_${name} PUBLIC
    "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}>" "$<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/actors>")
  target_include_directories(firn_${name} SYSTEM PUBLIC "$<BUILD_INTERFACE:${CMAKE_BINARY_DIR}/gen>")
  target_link_libraries(firn_${name} PRIVATE $<BUILD_INTERFACE:firn_flags>)
  foreach(layer IN LISTS arg_USES)
    target_link_libraries(firn_${name} PUBLIC firn_${layer})
  endforeach()
  target_link_libraries(firn_${name} PUBLIC ${arg_LIBS})
  firn_unity(firn_${name})
endfunction()

# firn_program(NAME FOLDER LIBS target...): a program from all sources in the folder, on top of all layers.
function(firn_program name folder)
  cmake_parse_arguments(arg "" "" "LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/${folder}/*.cpp")
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE firn_flags firn_actors ${arg_LIBS})
  firn_unity(${name})
endfunction()

# What the tests labelled `tsan` need: the tsan step of tools/test builds this and nothing else.
add_custom_target(firn_tsan)

# firn_tests(LAYER TSAN filter TSAN_FILES regex): one test binary from tests/LAYER/**/*.cpp. Tests that match the
# GoogleTest filter carry the label `tsan`: they run under ThreadSanitizer as well. A layer without a filter has none.
# TSAN_FILES, matched with paths below tests/LAYER/, are the sources those tests need; the tsan preset compiles no other.
function(firn_tests layer)
  cmake_parse_arguments(arg "" "TSAN;TSAN_FILES" "LIBS" ${ARGN})
  include(GoogleTest)
  set(folder "${CMAKE_SOURCE_DIR}/tests/${layer}")
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${folder}/*.cpp")
  if(NOT FIRN_SANITIZE STREQUAL "thread")
    list(FILTER sources EXCLUDE REGEX "/tsan_shim\\.cpp$")
  elseif(arg_TSAN_FILES)
    list(FILTER sources INCLUDE REGEX "^${folder}/(${arg_TSAN_FILES})$")
  endif()
  if(NOT sources)
    return()
  endif()
  set(test firn_test_${layer})
  add_executable(${test} ${sources})
  target_link_libraries(${test} PRIVATE firn_flags firn_${layer} GTest::gtest GTest::gtest_main ${arg_LIBS})
  target_compile_definitions(${test} PRIVATE FIRN_SOURCE_DIR="${CMAKE_SOURCE_DIR}" FIRN_BINARY_DIR="${CMAKE_BINARY_DIR}")
  if(arg_TSAN)
    add_dependencies(firn_tsan ${test})
    gtest_discover_tests(${test} DISCOVERY_MODE PRE_TEST TEST_FILTER "${arg_TSAN}"
                         TEST_LIST ${test}_tsan PROPERTIES TIMEOUT 600 LABELS tsan)
  endif()
  if(NOT arg_TSAN STREQUAL "*")
    gtest_discover_tests(${test} DISCOVERY_MODE PRE_TEST TEST_FILTER "-${arg_TSAN}" PROPERTIES TIMEOUT 600)
  endif()
endfunction()

# firn_alarms(): under a sanitizer, tests that its alarms ring (tests/alarms).
function(firn_alarms)
  if(NOT FIRN_SANITIZE)
    return()
  endif()
  add_executable(firn_planted_fault "${CMAKE_SOURCE_DIR}/tests/alarms/planted_fault.cpp")
  target_link_libraries(firn_planted_fault PRIVATE firn_flags CAF::core PkgConfig::LMDB)
  add_test(NAME alarm_silent_messages COMMAND firn_planted_fault messages)
  add_test(NAME alarm_silent_transactions COMMAND firn_planted_fault transactions)
  if(FIRN_SANITIZE STREQUAL "thread")
    target_sources(firn_planted_fault PRIVATE "${CMAKE_SOURCE_DIR}/tests/actors/tsan_shim.cpp")
    add_dependencies(firn_tsan firn_planted_fault)
    foreach(fault IN ITEMS race host_race transaction_race)
      add_test(NAME alarm_${fault} COMMAND firn_planted_fault ${fault})
      set_tests_properties(alarm_${fault} PROPERTIES LABELS tsan PASS_REGULAR_EXPRESSION "ThreadSanitizer: data race")
    endforeach()
    set_tests_properties(alarm_silent_messages alarm_silent_transactions PROPERTIES
                         LABELS tsan FAIL_REGULAR_EXPRESSION "ThreadSanitizer")
  else()
    add_test(NAME alarm_leak COMMAND firn_planted_fault leak)
    add_test(NAME alarm_overrun COMMAND firn_planted_fault overrun)
    add_test(NAME alarm_overflow COMMAND firn_planted_fault overflow)
    set_tests_properties(alarm_leak PROPERTIES PASS_REGULAR_EXPRESSION "LeakSanitizer: detected memory leaks")
    set_tests_properties(alarm_overrun PROPERTIES PASS_REGULAR_EXPRESSION "AddressSanitizer: heap-buffer-overflow")
    set_tests_properties(alarm_overflow PROPERTIES PASS_REGULAR_EXPRESSION "signed integer overflow")
  endif()
endfunction()
