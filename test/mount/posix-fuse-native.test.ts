import {
  FUSE_NATIVE_DIFFERENCES,
  FUSE_NATIVE_DIFFERENCES_OF_ROOT,
} from "../conformance/fuse-native-differences.js";
import { ordinaryUser } from "../conformance/ordinary-user.js";
import { actAs, type Credentials } from "../conformance/thread-credentials.js";
import { whyNoMounts } from "../support/daemon.js";
import { posixOnMount } from "./posix-on-mount.js";
import { IS_FULL } from "./programs/suites/suites.js";

const ROOT = { uid: 0, gid: 0 };
const USER: Credentials = whyNoMounts() === undefined ? ordinaryUser() : { uid: 12345, gid: 12345 };
const NATIVE = ["--binding", "fuse-native"];

// Each call is several callbacks here, and each callback a way through three threads: the whole list takes minutes.

posixOnMount({
  title: "through fuse-native, as an ordinary user who mounts",
  mount: { args: NATIVE, user: USER },
  run: {
    user: USER,
    as: actAs,
    differences: FUSE_NATIVE_DIFFERENCES,
    skipsLarge: IS_FULL ? undefined : "takes long here: TEST_SUITES=full runs it",
  },
});

if (IS_FULL) {
  posixOnMount({
    title: "through fuse-native, as root",
    mount: { args: [...NATIVE, "--allow-other"] },
    run: { user: ROOT, differences: FUSE_NATIVE_DIFFERENCES_OF_ROOT },
  });
}
