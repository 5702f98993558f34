"""The engine as a Conan package: `conan create engine_c`, then `requires("drypoint/<version>")`."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, rmdir


class Drypoint(ConanFile):
    name = "drypoint"
    package_type = "library"
    license = "Apache-2.0"
    description = "Runs quantized convolutional nets in integers, the same bytes on every target"
    topics = ("machine-learning", "quantized", "fixed-point", "embedded")
    settings = "os", "compiler", "build_type", "arch"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]
    languages = ["C"]
    exports_sources = "CMakeLists.txt", "drypoint.pc.in", "LICENSE", "include/*", "src/*"

    def set_version(self):
        text = (Path(self.recipe_folder) / "CMakeLists.txt").read_text("utf-8")
        self.version = re.search(r"project\(drypoint VERSION (\S+)", text)[1]

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeToolchain(self).generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, str(Path(self.package_folder) / "licenses"))
        rmdir(self, str(Path(self.package_folder) / "lib" / "cmake"))
        rmdir(self, str(Path(self.package_folder) / "lib" / "pkgconfig"))
        rmdir(self, str(Path(self.package_folder) / "share"))

    def package_info(self):
        self.cpp_info.libs = ["drypoint"]
        self.cpp_info.set_property("cmake_target_name", "drypoint::drypoint")
        self.cpp_info.set_property("pkg_config_name", "drypoint")
