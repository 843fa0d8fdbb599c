# cmake --install: one static archive a layer, the headers a user includes, firnConfig.cmake and the programs.
# In the tree and out of it, a user links firn::firn.
include(CMakePackageConfigHelpers)

add_library(firn_library INTERFACE)
set_target_properties(firn_library PROPERTIES EXPORT_NAME firn)
target_link_libraries(firn_library INTERFACE firn_actors)
# Both <firn/firn.hpp> and its own "schema/batch.hpp" must be found.
target_include_directories(firn_library INTERFACE
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>" "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/firn>")
target_compile_features(firn_library INTERFACE cxx_std_20)
add_library(firn::firn ALIAS firn_library)

install(TARGETS firn_schema firn_io firn_storage firn_actors firn_library
  EXPORT firnTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}")
install(TARGETS firn RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")

set(firn_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/firn")
install(EXPORT firnTargets NAMESPACE firn:: DESTINATION "${firn_config_dir}")
configure_package_config_file(tools/cmake/firnConfig.cmake.in "${CMAKE_BINARY_DIR}/firnConfig.cmake"
  INSTALL_DESTINATION "${firn_config_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/firnConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/firnConfig.cmake" "${CMAKE_BINARY_DIR}/firnConfigVersion.cmake"
  tools/cmake/FindCAF.cmake DESTINATION "${firn_config_dir}")

# The list of headers is found at installation, so that a new include needs no new configuration.
install(CODE "
  set(FIRN_SOURCE_DIR \"${CMAKE_SOURCE_DIR}\")
  set(FIRN_GENERATED_DIR \"${CMAKE_BINARY_DIR}/gen\")
  set(FIRN_INCLUDE_DESTINATION \"${CMAKE_INSTALL_INCLUDEDIR}\")")
install(SCRIPT tools/cmake/InstallHeaders.cmake)
