import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { Mounted, whyNoMounts } from "../support/daemon.js";

// What is asked wrongly ends with 2 and one line that says what is wrong: by whichever of the two
// processes noticed it. All messages are in the tests of command lines and configurations.

const REFUSED: readonly (readonly [args: string, line: RegExp])[] = [
  ["", /^nexus-mount: missing required argument 'mountpoint'$/],
  ["mnt --tennant acme", /^nexus-mount: unknown option '--tennant' .*--tenant/],
  ["mnt -o ro,speed=9", /^nexus-mount: unknown mount option 'speed=9'/],
  ["mnt -o tenant=a/b", /^nexus-mount: -o tenant: tenant_id: found "a\/b"; allowed: /],
  ["mnt --config absent.yaml", /^nexus-mount: there is no configuration file \S+\/absent\.yaml$/],
  ["mnt --config bad.yaml", /^nexus-mount: \S+\/bad\.yaml: unknown setting 'tenant'.*tenant_id/],
  ["mnt --config torn.yaml", /^nexus-mount: \S+\/torn\.yaml:3: /],
  [
    "mnt --config pipe.yaml",
    /^nexus-mount: \S+\/pipe\.yaml can't be read: it is a pipe, and not a/,
  ],
  ["mnt --config deep.yaml", /^nexus-mount: \S+\/deep\.yaml: lists and maps are nested too deep$/],
  ["mnt --config clear.yaml", /^nexus-mount: \S+\/clear\.yaml: unknown setting 'a\\u001b\[2J'$/],
];

describe.skipIf(whyNoMounts() !== undefined)("nexus-mount refuses with one line and 2", () => {
  test.each(REFUSED)("`%s`", async (line, expected) => {
    const mounted = Mounted.prepare();
    onTestFinished(() => mounted.stop());
    writeFileSync(join(mounted.base, "bad.yaml"), "tenant: acme\n");
    writeFileSync(join(mounted.base, "torn.yaml"), "tenant_id: acme\nagent_id: [a\n");
    writeFileSync(join(mounted.base, "deep.yaml"), "- ".repeat(100_000));
    writeFileSync(join(mounted.base, "clear.yaml"), '"a\\e[2J": x\n');
    execFileSync("mkfifo", [join(mounted.base, "pipe.yaml")]);
    const ended = await mounted.run(line.split(" ").filter((word) => word !== ""));
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toMatch(/^[^\n]*\n$/);
    expect(ended.stderr.trimEnd()).toMatch(expected);
    expect(mounted.isMounted).toBe(false);
  });
});
