import { describe, expect, test } from "vitest";
import { parseMountOptions } from "../../src/daemon/mount-option-list.js";
import { kindOf, messageThrown } from "../support/error-kind.js";

function settingsOf(...lists: string[]): Record<string, unknown> {
  const { settings } = parseMountOptions(lists);
  return Object.fromEntries([...settings].map(([key, { value }]) => [key, value]));
}

function kernelOptionsOf(...lists: string[]): string[] {
  return [...parseMountOptions(lists).kernelOptions].sort();
}

describe("a list of mount options", () => {
  test("sets what the long options set", () => {
    const list = "data_dir=/srv/nexus,tenant=acme,agent=bot,admin,allow_other,log_level=debug";
    expect(settingsOf(`${list},log_file=/var/log/nexus`)).toStrictEqual({
      data_dir: "/srv/nexus",
      tenant_id: "acme",
      agent_id: "bot",
      is_admin: true,
      allow_other: true,
      log_level: "debug",
      log_file: "/var/log/nexus",
    });
    expect(settingsOf("tenant_id=acme,agent_id=bot")).toStrictEqual({
      tenant_id: "acme",
      agent_id: "bot",
    });
  });

  test("names itself as the source of a setting", () => {
    expect(parseMountOptions(["tenant=a/b"]).settings.get("tenant_id")).toStrictEqual({
      value: "a/b",
      source: "-o tenant",
    });
  });

  test.each([
    ["ro", { read_only: true }],
    ["ro,rw", { read_only: false }],
    ["rw,ro", { read_only: true }],
    ["noatime", { atime: "noatime" }],
    ["noatime,atime", { atime: "relatime" }],
    ["noatime,strictatime,relatime", { atime: "relatime" }],
    ["tenant=a,tenant=b", { tenant_id: "b" }],
  ])("the last one wins: %s", (list, expected) => {
    expect(settingsOf(list)).toStrictEqual(expected);
  });

  test("may be given in several lists, with empty places and spaces", () => {
    expect(settingsOf("ro,", ", tenant=acme ,,", "")).toStrictEqual({
      read_only: true,
      tenant_id: "acme",
    });
  });

  test("keeps a comma behind a backslash, and an = after the first one", () => {
    expect(settingsOf(String.raw`data_dir=/srv/a\,b\\c,log_file=/x=y`)).toStrictEqual({
      data_dir: String.raw`/srv/a,b\c`,
      log_file: "/x=y",
    });
  });

  test("has nosuid and nodev unless they are taken back", () => {
    expect(kernelOptionsOf()).toStrictEqual(["nodev", "nosuid"]);
    expect(kernelOptionsOf("suid,dev")).toStrictEqual([]);
    expect(kernelOptionsOf("dev,nodev")).toStrictEqual(["nodev", "nosuid"]);
  });

  test("hands the kernel's own options on", () => {
    const list = "noexec,sync,dirsync,nodiratime,lazytime";
    expect(kernelOptionsOf(list)).toStrictEqual([...list.split(","), "nodev", "nosuid"].sort());
    expect(kernelOptionsOf("noexec,sync,nodiratime", "exec,async,diratime")).toStrictEqual([
      "nodev",
      "nosuid",
    ]);
  });

  test.each([
    "defaults",
    "auto,noauto,nofail,_netdev",
    "user,nouser,users,owner,group,user=me",
    "x-systemd.automount,x-systemd.idle-timeout=60,X-mount.mkdir,comment=hello",
    "fsname=nexus,subtype=nexus,default_permissions",
    "norelatime,nostrictatime,nolazytime,loud,silent",
  ])("ignores what is meant for others: %s", (list) => {
    expect(settingsOf(list)).toStrictEqual({});
    expect(kernelOptionsOf(list)).toStrictEqual(["nodev", "nosuid"]);
  });

  test("names a configuration file, and lets files be hidden", () => {
    expect(parseMountOptions([])).toMatchObject({ configPath: undefined, allowNonEmpty: false });
    expect(parseMountOptions(["config=/etc/nexus.yaml,nonempty"])).toMatchObject({
      configPath: "/etc/nexus.yaml",
      allowNonEmpty: true,
    });
    expect(parseMountOptions(["allow_non_empty"]).allowNonEmpty).toBe(true);
  });

  test.each([
    ["tennant=acme", "unknown mount option 'tennant=acme'; did you mean 'tenant'?"],
    ["noatimes", "unknown mount option 'noatimes'; did you mean 'noatime'?"],
    ["speed=9", "unknown mount option 'speed=9'"],
    ["ro=1", "unknown mount option 'ro=1'; did you mean 'ro'?"],
    ["defaultsx", "unknown mount option 'defaultsx'"],
    ["remount,ro", "the options of a mount can't be changed: unmount it, and mount it again"],
    ["tenant", "-o tenant needs a value: -o tenant=..."],
    ["config", "-o config needs a value: -o config=..."],
    ["toString", "unknown mount option 'toString'"],
    ["__proto__=1", "unknown mount option '__proto__=1'"],
  ])("refuses %s", (list, message) => {
    const parse = () => parseMountOptions([list]);
    expect(kindOf(parse)).toBe("invalid-argument");
    expect(messageThrown(parse)).toBe(message);
  });
});
