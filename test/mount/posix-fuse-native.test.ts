import {
  FUSE_NATIVE_DIFFERENCES,
  FUSE_NATIVE_DIFFERENCES_OF_ROOT,
} from "../conformance/fuse-native-differences.js";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { actAs, type Credentials } from "../conformance/thread-credentials.js";
import { whyNoMounts } from "../support/daemon.js";
import { posixOnMount } from "./posix-on-mount.js";

const ROOT = { uid: 0, gid: 0 };
const USER: Credentials = whyNoMounts() === undefined ? ordinaryUser() : { uid: 12345, gid: 12345 };
const NATIVE = ["--binding", "fuse-native"];

posixOnMount({
  title: "through fuse-native, as root",
  mount: { args: [...NATIVE, "--allow-other"] },
  run: { user: ROOT, differences: FUSE_NATIVE_DIFFERENCES_OF_ROOT },
});

posixOnMount({
  title: "through fuse-native, as an ordinary user who mounts",
  mount: { args: NATIVE, user: USER },
  run: { user: USER, as: actAs, differences: FUSE_NATIVE_DIFFERENCES },
});
