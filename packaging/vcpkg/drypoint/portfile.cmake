# An overlay port of this checkout: vcpkg install drypoint --overlay-ports=packaging/vcpkg
# Untried: vcpkg was not at hand. A registry's port names a tag here, by vcpkg_from_git.
set(SOURCE_PATH "${CURRENT_PORT_DIR}/../../../engine_c")
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}")
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/drypoint)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
