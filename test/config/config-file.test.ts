import { execFileSync } from "node:child_process";
import { chmodSync, closeSync, ftruncateSync, mkdirSync, openSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ConfigPlace } from "../support/config-place.js";

describe("the file that counts", () => {
  test("is ./nexus.yaml before ~/.nexus/config.yaml", () => {
    const place = new ConfigPlace();
    place.write("home/.nexus/config.yaml", "tenant_id: home\nagent_id: home");
    expect(place.load().tenantId).toBe("home");
    place.write("cwd/nexus.yaml", "tenant_id: cwd");
    expect(place.load()).toMatchObject({ tenantId: "cwd", agentId: undefined });
  });

  test("is the one that is named, and no other beside it", () => {
    const place = new ConfigPlace();
    place.write("cwd/nexus.yaml", "tenant_id: cwd\nagent_id: cwd");
    const configPath = place.write("etc/my.yaml", "tenant_id: named");
    expect(place.load({ configPath })).toMatchObject({ tenantId: "named", agentId: undefined });
    place.write("cwd/sub/relative.yaml", "tenant_id: relative");
    expect(place.load({ configPath: "sub/relative.yaml" }).tenantId).toBe("relative");
  });

  test("must be there when it is named", () => {
    const place = new ConfigPlace();
    place.write("cwd/nexus.yaml", "tenant_id: cwd");
    expect(place.refusalOf(() => place.load({ configPath: "none.yaml" }))).toBe(
      `there is no configuration file ${join(place.cwd, "none.yaml")}`,
    );
  });

  test("need not be there when it isn't named", () => {
    const place = new ConfigPlace();
    place.write("home/.nexus", "a file where a directory would be");
    expect(place.load().tenantId).toBeUndefined();
  });
});

describe("a file that can't be read", () => {
  test("is an error that names it, also one that nobody named", () => {
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    mkdirSync(path);
    expect(place.refusalOf(() => place.load())).toBe(`${path} can't be read: EISDIR`);
  });

  test("is refused when it is a pipe, which nobody may ever write to", () => {
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    execFileSync("mkfifo", [path]);
    expect(place.refusalOf(() => place.load())).toBe(
      `${path} can't be read: it is a pipe, and not a file`,
    );
  });

  test("is refused when it is a link to nothing, or to itself", () => {
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    symlinkSync("elsewhere", path);
    expect(place.refusalOf(() => place.load())).toBe(
      `${path} can't be read: it is a link to nothing`,
    );
    const circle = join(place.cwd, "circle.yaml");
    symlinkSync("circle.yaml", circle);
    expect(place.refusalOf(() => place.load({ configPath: circle }))).toBe(
      `${circle} can't be read: ELOOP`,
    );
  });

  test("is refused when it is far too large to be one, or never ends", () => {
    const place = new ConfigPlace();
    const path = place.write("cwd/nexus.yaml", "#");
    const fd = openSync(path, "r+");
    ftruncateSync(fd, 100 * 1024 * 1024);
    closeSync(fd);
    for (const configPath of [path, "/dev/zero"]) {
      expect(place.refusalOf(() => place.load({ configPath }))).toBe(
        `${configPath} can't be read: it has more than 256 KiB`,
      );
    }
    expect(place.load({ configPath: "/dev/null" }).cacheSizeMb).toBe(100);
  });

  test("is refused in another encoding than UTF-8", () => {
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    const refusal = (bytes: Buffer) => {
      place.write("cwd/nexus.yaml", bytes);
      return place.refusalOf(() => place.load());
    };
    const text = "\ufefftenant_id: caf\u00e9\n";
    expect(refusal(Buffer.from(text, "utf16le"))).toBe(
      `${path} can't be read: it has zero bytes; save it as UTF-8`,
    );
    expect(refusal(Buffer.from(text.slice(1), "latin1"))).toBe(
      `${path} can't be read: it is no UTF-8; save it as that`,
    );
  });

  test.skipIf(process.getuid?.() === 0)("says so when permission is missing", () => {
    const place = new ConfigPlace();
    const path = place.write("cwd/nexus.yaml", "tenant_id: acme");
    chmodSync(path, 0);
    expect(place.refusalOf(() => place.load())).toBe(`${path} can't be read: EACCES`);
  });
});

describe("a file without settings", () => {
  test.each([
    ["nothing", ""],
    ["a comment", "# later\n"],
    ["a document mark", "---\n"],
    ["null", "~"],
  ])("is as none when it holds %s", (_, text) => {
    const place = new ConfigPlace();
    expect(place.loadYaml(text).cacheSizeMb).toBe(100);
  });

  test("leaves unset what has a key and no value", () => {
    const config = new ConfigPlace().loadYaml("tenant_id:\ncache_size_mb: null\nnamespaces: ~\n");
    expect(config).toMatchObject({ tenantId: undefined, cacheSizeMb: 100, namespaces: [] });
  });
});

describe("a file that is no YAML, or says something else than settings", () => {
  test.each([
    ["a tab for indentation", "namespaces:\n\t- name: lab\n", 2],
    ["an open quote", 'tenant_id: acme\n\nagent_id: "x\n', 4],
    ["an open bracket", "namespaces: [\n", undefined],
    ["the same key twice", "tenant_id: a\ntenant_id: b\n", 2],
    ["two documents", "tenant_id: a\n---\nagent_id: b\n", undefined],
  ])("%s is refused with the file and the line", (_, text, line) => {
    const place = new ConfigPlace();
    const message = place.refusalOf(() => place.loadYaml(text));
    expect(message.startsWith(`${join(place.cwd, "nexus.yaml")}:${line ?? ""}`)).toBe(true);
    expect(message).toMatch(/nexus\.yaml:\d+: \S/);
    expect(message).not.toContain("\n");
    expect(message).not.toMatch(/ at line|:$/);
  });

  test.each(["- tenant_id: a\n", "just a text\n", "42\n"])("%j is refused", (text) => {
    const place = new ConfigPlace();
    expect(place.refusalOf(() => place.loadYaml(text))).toBe(
      `${join(place.cwd, "nexus.yaml")}: expected settings, one 'key: value' a line`,
    );
  });

  test.each([
    ["an alias of nothing", "tenant_id: *nobody\n"],
    [
      "aliases that multiply",
      `namespaces:\n  a: &a [x,x,x,x,x,x,x,x,x]\n  b: &b [${"*a,".repeat(20)}]\n  c: [${"*b,".repeat(20)}]\n`,
    ],
  ])("%s is refused with the file", (_, text) => {
    const place = new ConfigPlace();
    const message = place.refusalOf(() => place.loadYaml(text));
    expect(message).toContain(join(place.cwd, "nexus.yaml"));
  });

  test.each([
    ["lists in lists", "- ".repeat(100_000)],
    ["keys of keys", "? ".repeat(100_000)],
    ["brackets", "[".repeat(100_000)],
    ["braces", "{a: ".repeat(50_000)],
    ["indentation", Array.from({ length: 600 }, (_, depth) => `${" ".repeat(depth)}a:\n`).join("")],
  ])("%s without end are refused, and not parsed: that could end the process", (_, text) => {
    const place = new ConfigPlace();
    expect(place.refusalOf(() => place.loadYaml(`namespaces:\n ${text}`))).toBe(
      `${join(place.cwd, "nexus.yaml")}: lists and maps are nested too deep`,
    );
  });

  test.each([
    [
      "a value inside itself",
      "tenant_id: a\nnamespaces: &a\n  - *a\n",
      "3: '*a' stands for a value",
    ],
    [
      "a value deep inside itself",
      "quotas: &a [{tenant_id: [*a]}]\n",
      "1: '*a' stands for a value",
    ],
    ["a key that is a list", "tenant_id: a\n? [b]\n: c\n", "2: a key must be a word"],
    [
      "the same key twice in an entry",
      "quotas:\n  - {a: 1, a: 2}\n",
      "2: the key 'a' is there twice",
    ],
    ["a key that is there as a number, too", "1: a\n'1': b\n", "2: the key '1' is there twice"],
    [
      "an escape that a line ends",
      'tenant_id: a\nagent_id: "\\u00\n"\n',
      "2: Invalid escape sequence",
    ],
    ["a tag that nobody knows", "agent_id: a\ntenant_id: !vault x\n", "2: Unresolved tag: !vault"],
  ])("%s is refused with its line", (_, text, told) => {
    const place = new ConfigPlace();
    const path = join(place.cwd, "nexus.yaml");
    const message = place.refusalOf(() => place.loadYaml(text));
    expect(message).toContain(`${path}:${told}`);
    expect(message).not.toContain("\n");
  });

  test.each([
    ["brackets", "}".repeat(250_000)],
    ["keys", Array.from({ length: 25_000 }, (_, index) => `k${index}:\n`).join("")],
    ["anchors", "& ".repeat(60_000)],
  ])(
    "as many %s as fit into a file are refused in a moment",
    (_, text) => {
      const place = new ConfigPlace();
      const message = place.refusalOf(() => place.loadYaml(text));
      expect(message.length).toBeLessThan(400);
    },
    10_000,
  );

  test("anchors and aliases may be used", () => {
    const yaml = "tenant_id: &name acme\nagent_id: *name\n";
    expect(new ConfigPlace().loadYaml(yaml)).toMatchObject({ tenantId: "acme", agentId: "acme" });
  });

  test("a byte order mark in front does no harm", () => {
    expect(new ConfigPlace().loadYaml("\ufefftenant_id: acme\n").tenantId).toBe("acme");
  });
});
