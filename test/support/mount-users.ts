import { ordinaryUser } from "../conformance/ordinary-user.js";
import { type User, whyNoMounts } from "./daemon.js";

/** Who mounts: root by mount(2), everybody else through fusermount3. For `test.each`. */
export const MOUNT_USERS: readonly (readonly [who: string, { readonly user?: User }])[] = [
  ["root", {}],
  ["an ordinary user", whyNoMounts() === undefined ? { user: ordinaryUser() } : {}],
];
