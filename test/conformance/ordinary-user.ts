import { execFileSync, spawnSync } from "node:child_process";
import type { Credentials } from "./thread-credentials.js";

const UID = 12345;
const NAME = "nexus-test";

/**
 * An ordinary user of this machine who may mount. fusermount3 wants to know the name of whoever asks
 * ("could not determine username"), so there has to be an account: made the first time, and left.
 */
export function ordinaryUser(): Credentials {
  const found = gidOf(UID);
  if (found !== undefined) return { uid: UID, gid: found };
  const options = ["--no-create-home", "--shell", "/usr/sbin/nologin"];
  execFileSync("groupadd", ["--gid", String(UID), NAME]);
  execFileSync("useradd", ["--uid", String(UID), "--gid", String(UID), ...options, NAME]);
  return { uid: UID, gid: UID };
}

function gidOf(uid: number): number | undefined {
  const { status, stdout } = spawnSync("getent", ["passwd", String(uid)], { encoding: "utf8" });
  return status === 0 ? Number(stdout.split(":")[3]) : undefined;
}
