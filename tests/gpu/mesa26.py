#!/usr/bin/env python3
"""mesa26.py - a newer Mesa beside the system's, and programs that run on it. Nothing is installed.

    mesa26.py FOLDER                                     unpack it into FOLDER, unless it is there
    mesa26.py FOLDER PROGRAM ARG... [-- PROGRAM ARG...]  run programs of this machine on it then, one after another
    mesa26.py FOLDER --compare SCRIPT                    compile what SCRIPT does by that Debian's tools, and compare
    mesa26.py --when-asked FOLDER ...                    the same where the environment has VBLIP_MESA26

Debian 12's lavapipe has no cooperative matrices; Mesa 26's has. FOLDER gets it from Debian 13's backports, or from
sid where those have it not, with the libc, the loader, the validation layers and the shader tools of that Debian:
380 MB, from packages of 73. apt-get works on lists and a status of FOLDER's own, from the mirror that the system
takes Debian from, and need not be run by root.

A program runs under that Debian's dynamic linker, which looks for each library there first, then where the system
has it: what is newer there does for programs that were built here, but not the other way round. That Debian's own
programs, glslangValidator and spirv-val, run in the same way.

Exit status: 0; 1 when a program failed; 77, with one line, when the packages cannot be had or nobody asked.
"""

import filecmp
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

LEAST = 26  # of Mesa
COMPILER = "15.2.0"  # of shaders/prebuilt, as the glslangValidator of Debian 13 calls itself
SOURCES = (("trixie-backports", ("trixie", "trixie-backports")), ("sid", ("sid",)))  # of Mesa, of the rest
DRIVER, LAYERS = "mesa-vulkan-drivers", "vulkan-validationlayers"
PACKAGES = (LAYERS, "libvulkan1", "glslang-tools", "spirv-tools")
KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
SKIPPED = 77
CONFIGURATION = """
Dir::Etc::sourcelist "{0}/sources.list"; Dir::Etc::sourceparts "/dev/null"; Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::preferences "/dev/null"; Dir::State::status "{0}/status"; Dir::State::lists "{0}/lists";
Dir::Cache "{0}"; Dir::Cache::archives "{0}/archives"; APT::Sandbox::User "root"; Acquire::Languages "none";
Acquire::http::Timeout "20"; Acquire::Retries "1";
#clear APT::Update::Pre-Invoke; #clear APT::Update::Post-Invoke; #clear APT::Update::Post-Invoke-Success;
"""


class Unavailable(Exception):
    pass


def say(text):
    """Standard output is that of the programs."""
    print("mesa26: %s" % text, file=sys.stderr, flush=True)


def run(*command):
    """What the command prints; the first error it tells of is why there is no Mesa."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise Unavailable("%s: %s" % (command[0], error.strerror)) from error
    if done.returncode:
        errors = re.findall(r"^(?:E:|dpkg.*?:) *(.*)", done.stderr, re.MULTILINE)
        raise Unavailable(errors[0] if errors else "%s: exit status %d" % (command[0], done.returncode))
    return done.stdout


def mirror():
    """Where the system takes Debian itself from."""
    for uri in run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split():
        if re.search(r"/debian/?$", uri):
            return uri
    raise Unavailable("the system's apt sources name no mirror of Debian")


def numbers(version):
    return [int(n) for n in re.findall(r"\d+", version)[:2]]


class Apt:
    """apt as it would be on a machine with nothing but these suites, and no package installed."""

    def __init__(self, folder, suites):
        self.folder, self.settings = folder, os.path.join(folder, "apt.conf")
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("lists/partial", "archives/partial"):
            os.makedirs(os.path.join(folder, name))
        uri = mirror()
        for name, text in (("apt.conf", CONFIGURATION.format(folder)), ("status", ""), ("sources.list", "".join(
                "deb [signed-by=%s] %s %s main\n" % (KEYS, uri, suite) for suite in suites))):
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
        run("apt-get", "-c", self.settings, "-qq", "-o", "APT::Update::Error-Mode=any", "update")

    def version(self, package, suite):
        """The newest of that suite."""
        for line in run("apt-cache", "-c", self.settings, "madison", package).splitlines():
            _, version, source = (part.strip() for part in line.split("|"))
            if " %s/" % suite in source:
                return version
        raise Unavailable("%s: not in %s" % (package, suite))

    def unpack(self, root, *packages):
        """With all that they depend on, libc included."""
        run("apt-get", "-c", self.settings, "-qq", "-y", "-d", "--no-install-recommends", "install", *packages)
        for package in glob.glob(os.path.join(self.folder, "archives", "*.deb")):
            run("dpkg", "-x", package, root)


def unpack_from(folder, suite, suites):
    """Returns what it is, in a line."""
    apt = Apt(os.path.join(folder, "apt"), suites)
    mesa, libc, layers = apt.version(DRIVER, suite), apt.version("libc6", suites[0]), apt.version(LAYERS, suites[0])
    here = os.confstr("CS_GNU_LIBC_VERSION")
    if numbers(mesa)[0] < LEAST:
        raise Unavailable("Mesa %s is older than %d" % (mesa, LEAST))
    if numbers(libc) < numbers(here):
        raise Unavailable("libc6 %s is older than that of this machine, %s" % (libc, here))
    root = os.path.join(folder, "root")
    shutil.rmtree(root, ignore_errors=True)
    apt.unpack(root, "%s/%s" % (DRIVER, suite), *PACKAGES)
    shutil.rmtree(apt.folder)
    return "Mesa %s, validation layers %s, libc %s" % (mesa, layers, libc)


def unpack_from_any(folder):
    problems = []
    for suite, suites in SOURCES:
        try:
            return unpack_from(folder, suite, suites)
        except Unavailable as why:
            problems.append("%s: %s" % (suite, why))
    raise Unavailable("; ".join(problems))


def one(pattern):
    found = glob.glob(pattern)
    if not found:
        raise Unavailable("%s: not in the packages" % pattern)
    return found[0]


def libraries(folder):
    return one(os.path.join(folder, "root/usr/lib/*-linux-gnu*"))


def point(folder, manifest, key, library, out):
    """The manifest of a driver or of a layer, with its library by the whole path."""
    with open(one(os.path.join(folder, "root/usr/share/vulkan", manifest)), encoding="utf-8") as file:
        content = json.load(file)
    content[key]["library_path"] = one(os.path.join(libraries(folder), library))
    with open(os.path.join(folder, out), "w", encoding="utf-8") as file:
        json.dump(content, file)


def contents(folder):
    """A line about a folder that is whole, or nothing."""
    try:
        with open(os.path.join(folder, "contents"), encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def unpack(folder):
    text = unpack_from_any(folder)
    os.makedirs(os.path.join(folder, "layers"), exist_ok=True)
    point(folder, "icd.d/lvp_icd*.json", "ICD", "libvulkan_lvp.so", "driver.json")
    point(folder, "explicit_layer.d/VkLayer_khronos_validation.json", "layer", "libVkLayer_khronos_validation.so",
          "layers/validation.json")
    with open(os.path.join(folder, "contents"), "w", encoding="utf-8") as file:
        file.write(text)


def environment(folder):
    """Of a program that shall find this driver and this layer, and no other; without a device it fails."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("VK_") and k != "LD_LIBRARY_PATH"}
    env.update(CI="1", VK_DRIVER_FILES=os.path.join(folder, "driver.json"),
               VK_LAYER_PATH=os.path.join(folder, "layers"), VK_LOADER_LAYERS_DISABLE="~implicit~")
    return env


def linker(folder):
    lib = libraries(folder)
    return [one(os.path.join(lib, "ld-linux-*.so.*")), "--library-path", lib]


def run_all(folder, words):
    """Runs each of the commands between "--"; returns how many failed."""
    failed = 0
    while words:
        end = words.index("--") if "--" in words else len(words)
        command, words = words[:end], words[end + 1:]
        if not command:
            continue
        say(" ".join(command))
        status = subprocess.run(linker(folder) + command, env=environment(folder), check=False).returncode
        if status:
            say("%s: exit status %d" % (" ".join(command), status))
            failed += 1
    return failed


def compare(folder, script):
    """Holds the files beside the script to what it makes of the shaders; returns how many differ."""
    tools = [" ".join(linker(folder) + [os.path.join(folder, "root/usr/bin", name)])
             for name in ("glslangValidator", "spirv-val")]
    version = subprocess.run(tools[0].split() + ["--version"], capture_output=True, text=True, check=True).stdout
    if COMPILER not in version:
        raise Unavailable("%s compiles, the files are of %s" % (version.split()[2], COMPILER))
    differ, here = 0, os.path.dirname(script)
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([script, out] + tools, check=True)
        for name in sorted(set(os.listdir(out)) | {n for n in os.listdir(here) if n.endswith(".spv")}):
            same = all(os.path.exists(os.path.join(d, name)) for d in (here, out)) and filecmp.cmp(
                os.path.join(here, name), os.path.join(out, name), shallow=False)
            say("%s: %s" % (name, "as it is compiled" if same else "is not what is compiled"))
            differ += not same
    return differ


def main(words):
    asked = words[:1] != ["--when-asked"]
    words = words if asked else words[1:]
    if not words or words[0].startswith("-"):
        sys.exit(__doc__)
    folder = os.path.abspath(words[0])
    try:
        if not asked and not os.environ.get("VBLIP_MESA26"):
            raise Unavailable("not asked for: VBLIP_MESA26=1 in the environment asks")
        if not contents(folder):
            if words[1:]:
                raise Unavailable("%s: not unpacked" % folder)
            unpack(folder)
        say(contents(folder))
        failed = compare(folder, words[2]) if words[1:2] == ["--compare"] else run_all(folder, words[1:])
        return 1 if failed else 0
    except Unavailable as why:
        say(str(why))
        return SKIPPED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
