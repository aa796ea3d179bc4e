import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FULL_MS, IS_FULL, suiteOnMount, whyNoSuite } from "./suites.js";

/** Debian's, which scripts/setup has its tests of. */
const PYTHON = "/usr/bin/python3";

/** Modules of Python's own tests that are about files, and quick. */
const SHORT = [
  ...["shutil", "os", "posix", "pathlib", "tempfile", "mmap", "glob"],
  ...["fileio", "file", "filecmp", "fileinput", "fcntl", "dbm_dumb", "stat", "genericpath", "pkg"],
  ...["unicode_file_functions", "threadedtempfile", "zipimport", "linecache"],
];

const FULL = [
  ...["tarfile", "zipfile", "mailbox", "io", "largefile", "bufio", "file_eintr"],
  ...["univnewlines", "fileutils"],
  ...["dbm", "dbm_ndbm", "shelve", "gzip", "bz2", "lzma", "wave", "plistlib", "netrc"],
  ...["compileall", "py_compile", "import", "importlib", "zipapp", "pkgutil", "modulefinder"],
  ...["runpy", "cmd_line_script", "posixpath", "mimetypes", "site", "tokenize", "trace"],
  ...["configparser", "httpservers", "venv"],
];

/** They make names that aren't UTF-8, which a mount refuses. */
const OTHER_NAMES = [
  ...["*.Pep383Tests.*", "*.test_nonascii_abspath", "*.test_unencodable_filename"],
  ...["*.CmdLineTest.test_non_ascii", "*.testUnencodable", "*.test_undecodable_filename"],
];

const MODULES = (IS_FULL ? [...SHORT, ...FULL] : SHORT).map((name) => `test_${name}`);

const skipReason = whyNoSuite(PYTHON, ["-c", "import test.test_posix"]);

suiteOnMount({ name: "Python's own tests", who: "an ordinary user", skipReason }, (suite) => {
  test("pass with their files on it", { timeout: IS_FULL ? FULL_MS : 240_000 }, async () => {
    const report = join(suite.mounted.base, "report.xml");
    const ignored = OTHER_NAMES.map((pattern) => `-i '${pattern}'`).join(" ");
    const out = await suite.run(
      `unset \${!PYTHON*}; mkdir tmp; export TMPDIR=$PWD/tmp HOME=$PWD
         ${PYTHON} -m test -j2 -W --timeout 600 --tempdir tmp --junit-xml ${report} -u largefile \\
           ${ignored} ${MODULES.join(" ")} 2>&1
         rmdir tmp`,
    );
    expect(out).toContain(`All ${MODULES.length} tests OK.`);
    const cases = readFileSync(report, "utf8").split("<testcase ").slice(1);
    const done = cases.filter((one) => !one.includes("<skipped"));
    expect(done.length).toBeGreaterThan(1200);
  });
});
