import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  type Invocation,
  type MountRequest,
  parseCommandLine,
} from "../../src/daemon/command-line.js";
import { version } from "../../src/telemetry/version.js";
import { kindOf, messageThrown } from "../support/error-kind.js";

function parse(line: string, programName = "nexus-mount"): Invocation {
  return parseCommandLine(line.split(" "), programName);
}

function requestOf(line: string, programName?: string): MountRequest {
  const invocation = parse(line, programName);
  if (invocation.action !== "mount") throw new Error(`it is: ${invocation.action}`);
  return invocation.request;
}

function settingsOf(line: string, programName?: string): Record<string, unknown> {
  const { settings } = requestOf(line, programName);
  return Object.fromEntries([...settings].map(([key, { value }]) => [key, value]));
}

/** What is printed meanwhile. */
function outputOf(action: () => void): string {
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  onTestFinished(() => write.mockRestore());
  action();
  return write.mock.calls.map(([text]) => String(text)).join("");
}

describe("a mount", () => {
  test("needs a mount point, and nothing else", () => {
    expect(requestOf("mnt")).toStrictEqual({
      mountPoint: "mnt",
      settings: new Map(),
      kernelOptions: new Set(["nosuid", "nodev"]),
      configPath: undefined,
      ignoredSource: undefined,
      allowNonEmpty: false,
      foreground: false,
      persist: false,
      isChild: false,
    });
  });

  test("has an option for each setting", () => {
    const identity = "--tenant acme --agent bot --admin";
    const line = `--data-dir data ${identity} --read-only --allow-other mnt`;
    expect(settingsOf(`${line} --log-level debug --log-file log`)).toStrictEqual({
      data_dir: "data",
      tenant_id: "acme",
      agent_id: "bot",
      is_admin: true,
      read_only: true,
      allow_other: true,
      log_level: "debug",
      log_file: "log",
    });
  });

  test("has options before and after the mount point, in both ways of writing a value", () => {
    expect(settingsOf("mnt --tenant=acme")).toStrictEqual({ tenant_id: "acme" });
    expect(settingsOf("--tenant acme mnt")).toStrictEqual({ tenant_id: "acme" });
  });

  test("tells which option a setting came from", () => {
    expect(requestOf("mnt --tenant acme").settings.get("tenant_id")?.source).toBe("--tenant");
  });

  test.each([
    ["-f", { foreground: true }],
    ["--foreground", { foreground: true }],
    ["--allow-non-empty", { allowNonEmpty: true }],
    ["-o nonempty", { allowNonEmpty: true }],
    ["--config file", { configPath: "file" }],
    ["-o config=file", { configPath: "file" }],
    ["-o config=list --config option", { configPath: "option" }],
    ["--child", { isChild: true }],
  ])("is asked for with %s", (options, expected) => {
    expect(requestOf(`${options} mnt`)).toMatchObject({ mountPoint: "mnt", ...expected });
  });

  test("takes -o several times, with and without a space, and the long name", () => {
    expect(settingsOf("-oro -o tenant=acme --options agent=bot,admin mnt")).toStrictEqual({
      read_only: true,
      tenant_id: "acme",
      agent_id: "bot",
      is_admin: true,
    });
  });

  test("an option of its own wins over the list", () => {
    expect(settingsOf("--tenant option -o tenant=list mnt")).toStrictEqual({ tenant_id: "option" });
  });

  test("after --, a mount point may look like an option", () => {
    expect(requestOf("--admin -- -u").mountPoint).toBe("-u");
  });
});

describe("a source", () => {
  test.each([
    ["/srv/data mnt", "/srv/data"],
    ["./data mnt", "./data"],
    ["-o data_dir=list /srv/data mnt", "/srv/data"],
    ["/srv/data mnt --data-dir option", "option"],
  ])("that is a path is the data directory: %s", (line, dataDir) => {
    expect(requestOf(line).mountPoint).toBe("mnt");
    expect(settingsOf(line)).toStrictEqual({ data_dir: dataDir });
  });

  test.each(["nexus mnt", "none mnt", "nexus-mount mnt"])("that is a word isn't: %s", (line) => {
    expect(requestOf(line)).toMatchObject({
      mountPoint: "mnt",
      ignoredSource: line.split(" ")[0],
    });
    expect(settingsOf(line)).toStrictEqual({});
  });

  test("that is a path isn't ignored, and mount(8) may give any word", () => {
    expect(requestOf("./data mnt").ignoredSource).toBeUndefined();
    expect(requestOf("nexus mnt", "mount.fuse.nexus").ignoredSource).toBeUndefined();
  });
});

describe("called by mount(8)", () => {
  const HELPER = "mount.fuse.nexus";

  test("takes the flags of a helper", () => {
    const line = "/srv/data /mnt -s -n -v -t fuse.nexus -N ns -o rw,tenant=acme";
    expect(requestOf(line, HELPER)).toMatchObject({ mountPoint: "/mnt", foreground: false });
    expect(settingsOf(line, HELPER)).toStrictEqual({
      read_only: false,
      tenant_id: "acme",
      data_dir: "/srv/data",
    });
  });

  test.each([HELPER, "mount.fuse"])("as %s, -f only tries", (name) => {
    expect(parse("/srv/data /mnt -f -o rw", name)).toStrictEqual({ action: "nothing" });
  });

  test.each(["nexus-mount", "main.js", "mount.fuseless", ""])("which %j is not", (name) => {
    expect(requestOf("-f mnt", name).foreground).toBe(true);
    expect(kindOf(() => parse("-n mnt", name))).toBe("invalid-argument");
  });
});

describe("an unmount", () => {
  test.each([
    ["-u mnt", false],
    ["--unmount mnt", false],
    ["mnt -u", false],
    ["-u -z mnt", true],
    ["-uz mnt", true],
    ["--unmount --lazy mnt", true],
  ])("is asked for with %s", (line, lazy) => {
    expect(parse(line)).toStrictEqual({ action: "unmount", mountPoint: "mnt", lazy });
  });
});

describe("nothing is to be done after", () => {
  test.each(["-V", "--version"])("%s, which prints the version", (option) => {
    const output = outputOf(() => expect(parse(option)).toStrictEqual({ action: "nothing" }));
    expect(output).toBe(`${version()}\n`);
  });

  test.each(["-h", "--help"])("%s, which prints all options and examples", (option) => {
    const output = outputOf(() => expect(parse(option)).toStrictEqual({ action: "nothing" }));
    expect(output).toMatch(/^Usage: nexus-mount \[options\] \[source\] mountpoint\n/);
    for (const word of ["--data-dir", "--unmount", "-o, --options", "Examples:"]) {
      expect(output).toContain(word);
    }
    expect(output).not.toContain("--child");
  });
});

describe("it is refused, in one line,", () => {
  test.each([
    ["without a mount point", [], "missing required argument 'mountpoint'"],
    ["with three places", ["a", "b", "c"], "expected: nexus-mount [options] [source] mountpoint"],
    ["with --lazy alone", ["-z", "mnt"], "--lazy goes with --unmount: nexus-mount -u --lazy"],
    [
      "with an option of mounting to unmount",
      ["-u", "mnt", "--data-dir", "x"],
      "--data-dir doesn't go with --unmount",
    ],
    ["with a list to unmount", ["-u", "mnt", "-oro"], "--options doesn't go with --unmount"],
    ["with two places to unmount", ["-u", "a", "b"], "expected: nexus-mount -u mountpoint"],
    [
      "with an option that doesn't exist",
      ["mnt", "--tennant", "a"],
      "unknown option '--tennant' (Did you mean --tenant?)",
    ],
    [
      "with an option without its value",
      ["mnt", "--tenant"],
      "option '--tenant <id>' argument missing",
    ],
    [
      "with a level that doesn't exist",
      ["mnt", "--log-level", "loud"],
      "option '--log-level <level>' argument 'loud' is invalid. Allowed choices are trace, debug, info, warn, error, fatal, silent.",
    ],
    ["with an unknown mount option", ["mnt", "-o", "x"], "unknown mount option 'x'"],
    ["with an empty mount point", [""], "the mount point is empty"],
  ])("%s", (_, args, message) => {
    const action = () => parseCommandLine(args, "nexus-mount");
    expect(kindOf(action)).toBe("invalid-argument");
    expect(messageThrown(action)).toBe(message);
  });
});

describe("the daemon", () => {
  test("persists, and needs no mount point when it does or mounts again what there was", () => {
    expect(requestOf("--persist mnt")).toMatchObject({ persist: true, mountPoint: "mnt" });
    expect(requestOf("--persist")).toMatchObject({ persist: true, mountPoint: undefined });
    expect(requestOf("--restore --data-dir data")).toMatchObject({
      ...{ persist: false, mountPoint: undefined },
    });
    expect(kindOf(() => parse("--data-dir data"))).toBe("invalid-argument");
  });

  test("is asked whether it is well, by a mount point or a store", () => {
    expect(parse("--health mnt")).toMatchObject({ action: "health", mountPoint: "mnt" });
    const ofStore = parse("--health --data-dir data");
    expect(ofStore).toMatchObject({ action: "health", mountPoint: undefined });
    expect(ofStore).toHaveProperty(
      "store.settings",
      new Map([["data_dir", { value: "data", source: "--data-dir" }]]),
    );
  });

  test("is ended with all of its mounts", () => {
    const all = parse("-u --all --data-dir data --config nexus.yaml");
    expect(all).toMatchObject({ action: "unmount-all", store: { configPath: "nexus.yaml" } });
  });

  test.each([
    ["--all mnt", "--all goes with --unmount: nexus-mount -u --all"],
    ["-u --all mnt", "--all ends every mount of the store: no mountpoint goes with it"],
    ["--restore mnt", "--restore mounts what there was: no mountpoint goes with it"],
    ["-u --all --lazy", "--lazy doesn't go with --unmount --all"],
    ["-u --persist mnt", "--persist doesn't go with --unmount"],
    ["--health --persist mnt", "--persist doesn't go with --health"],
    ["--health one two", "expected: nexus-mount --health [mountpoint]"],
  ])("is asked in one way at a time: not `%s`", (line, message) => {
    expect(messageThrown(() => parse(line))).toBe(message);
  });
});
