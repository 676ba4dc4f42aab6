# The vocabulary of our CMakeLists: one target a room, its tests and its benchmarks beside it.
#
#   sluice_library(limit PUBLIC_HEADERS … SOURCES … SEES contract LINKS fmt::fmt)
#   sluice_test(limit gcra_test.cc …)      one executable, limit_test, run by ctest
#   sluice_bench(limit gcra_bench.cc …)    one executable, limit_bench; ctest runs it once, tiny

include_guard(GLOBAL)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

option(SLUICE_TESTS "Build unit, simulation and system tests" ON)
option(SLUICE_BENCHES "Build the benchmarks" ON)
option(SLUICE_WERROR "Treat warnings as errors (for developers, not for users)" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined or thread")

find_program(SLUICE_CCACHE ccache)
if(SLUICE_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_C_COMPILER_LAUNCHER ${SLUICE_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SLUICE_CCACHE})
endif()
find_program(SLUICE_MOLD mold)
if(SLUICE_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
if(SLUICE_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SLUICE_BENCHES)
  find_package(benchmark REQUIRED)
endif()

add_library(sluice_warnings INTERFACE)
target_compile_options(sluice_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wold-style-cast -Wimplicit-fallthrough
  $<$<BOOL:${SLUICE_WERROR}>:-Werror>
  # Designated initializers leave the rest at their declared defaults: that is what they are for.
  -Wno-missing-field-initializers
  # libstdc++ 12 uses what it deprecates, in stable_sort.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  # False alarms of g++ 12 about std::expected and coroutine frames when optimising.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)

add_library(sluice_options INTERFACE)
target_include_directories(sluice_options INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
target_compile_features(sluice_options INTERFACE cxx_std_23)
target_compile_definitions(sluice_options INTERFACE $<BUILD_INTERFACE:_GLIBCXX_ASSERTIONS>)
if(SLUICE_SANITIZE)
  target_compile_options(sluice_options INTERFACE
    -fsanitize=${SLUICE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sluice_options INTERFACE -fsanitize=${SLUICE_SANITIZE})
endif()

# Several files in one go share the headers they read and the templates they use, which halves a
# first build; a change of one file then builds its neighbours too, so developers go without. Names
# in the unnamed namespaces of a room must differ for it.
option(SLUICE_UNITY "Build several files of a room at once" OFF)

# Makes `target` build so, if asked for.
function(sluice_unity target)
  if(SLUICE_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
    # It takes unnamed namespaces outside the file it was called with for a header's.
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

function(sluice_library room)
  cmake_parse_arguments(arg "" "" "PUBLIC_HEADERS;SOURCES;SEES;LINKS" ${ARGN})
  set(target sluice_${room})
  if(arg_SOURCES)
    add_library(${target} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:sluice_warnings>)
    sluice_unity(${target})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(sluice::${room} ALIAS ${target})
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${arg_PUBLIC_HEADERS})
  target_link_libraries(${target} ${scope} sluice_options fmt::fmt ${arg_LINKS})
  foreach(seen ${arg_SEES})
    target_link_libraries(${target} ${scope} sluice_${seen})
  endforeach()
endfunction()

# What `cmake --install` gives to C++ users, and find_package(sluice) finds: the rooms that stand
# alone, each as sluice::ROOM, and the loop of platform/linux as sluice::runtime.
#
#   sluice_install(contract limit breaker)
function(sluice_install)
  include(GNUInstallDirs)
  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/sluice)
  foreach(room ${ARGN})
    set(name ${room})
    if(room STREQUAL "platform_linux")
      set(name runtime)
    endif()
    set_target_properties(sluice_${room} PROPERTIES EXPORT_NAME ${name})
    install(TARGETS sluice_${room} EXPORT sluice_targets
      ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
      FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  endforeach()
  set_target_properties(sluice_options PROPERTIES EXPORT_NAME options)
  install(TARGETS sluice_options EXPORT sluice_targets)
  install(EXPORT sluice_targets NAMESPACE sluice:: DESTINATION ${package_dir})
  configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/sluice-config.cmake.in ${PROJECT_BINARY_DIR}/sluice-config.cmake
    INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/sluice-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES
    ${PROJECT_BINARY_DIR}/sluice-config.cmake ${PROJECT_BINARY_DIR}/sluice-config-version.cmake
    DESTINATION ${package_dir})
endfunction()

# Arguments after LINKS are more libraries for this test alone. LABELS tells ./test more: `tsan`
# runs it under ThreadSanitizer as well (it depends on threads), `gate` without sanitizers (a figure
# that noise cannot change).
function(sluice_test room)
  if(NOT SLUICE_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "" "TIMEOUT" "LINKS;LABELS" ${ARGN})
  set(target ${room}_test)
  add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
  if(TARGET sluice_${room})
    target_link_libraries(${target} PRIVATE sluice_${room})
  endif()
  target_link_libraries(${target} PRIVATE
    sluice_options sluice_warnings ${arg_LINKS} GTest::gmock GTest::gtest_main Threads::Threads)
  add_test(NAME ${target} COMMAND ${target}
           --gtest_output=json:${CMAKE_BINARY_DIR}/test-results/${target}.json)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  set_property(TEST ${target} PROPERTY TIMEOUT ${arg_TIMEOUT})
  set_property(TEST ${target} PROPERTY LABELS ${arg_LABELS})
endfunction()

function(sluice_bench room)
  if(NOT SLUICE_BENCHES)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "LINKS" ${ARGN})
  set(target ${room}_bench)
  add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${target} PRIVATE
    sluice_${room} sluice_options sluice_warnings ${arg_LINKS}
    benchmark::benchmark benchmark::benchmark_main Threads::Threads)
  add_test(NAME ${target}_runs COMMAND ${target} --benchmark_min_time=0.001)
endfunction()
